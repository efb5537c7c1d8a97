package main

import (
	"os"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.uber.org/zap"
	"go.uber.org/zap/buffer"
	"go.uber.org/zap/zapcore"
)

// newLogger returns a logger for people, on standard error, and its level. Nothing is sampled: what failed has to be seen.
func newLogger(level string) (*zap.Logger, zap.AtomicLevel) {
	lvl, err := zap.ParseAtomicLevel(level)
	if err != nil {
		lvl = zap.NewAtomicLevel() // config.Check has refused it
	}
	enc := zap.NewDevelopmentEncoderConfig()
	enc.EncodeTime = zapcore.TimeEncoderOfLayout("2006-01-02T15:04:05.000Z07:00")
	enc.CallerKey, enc.StacktraceKey = zapcore.OmitKey, zapcore.OmitKey
	return zap.New(zapcore.NewCore(singleLine{zapcore.NewConsoleEncoder(enc)}, zapcore.Lock(os.Stderr), lvl)), lvl
}

// singleLine writes each message on one line and without what would disturb a terminal: what callers and scripts say is part of some. Of
// the fields JSON escapes what ends a line, but neither DEL nor what is beyond ASCII: controls of terminals and of the direction of text among it.
type singleLine struct{ zapcore.Encoder }

// Clone returns a copy.
func (l singleLine) Clone() zapcore.Encoder { return singleLine{l.Encoder.Clone()} }

// EncodeEntry writes an entry.
func (l singleLine) EncodeEntry(e zapcore.Entry, fields []zapcore.Field) (*buffer.Buffer, error) {
	e.Message = escaped(e.Message)
	line, err := l.Encoder.EncodeEntry(e, fields)
	if err != nil {
		return nil, err
	}
	body, end := strings.CutSuffix(line.String(), "\n")
	cells := strings.Split(body, "\t") // those of the message are escaped by now
	for i, c := range cells {
		cells[i] = escaped(c)
	}
	line.Reset()
	line.AppendString(strings.Join(cells, "\t"))
	if end {
		line.AppendByte('\n')
	}
	return line, nil
}

func escaped(text string) string {
	if strings.IndexFunc(text, func(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) }) < 0 {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if unicode.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		quoted := strconv.QuoteRune(r)
		b.WriteString(quoted[1 : len(quoted)-1])
	}
	return b.String()
}
