package sdp

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	pion "github.com/pion/sdp/v3"
	"pgregory.net/rapid"
)

const session = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"

const audio = "m=audio 6000 RTP/AVP 8 0 96 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1\r\na=rtpmap:101 telephone-event/8000\r\n" +
	"a=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\n"

const video = "m=video 6002 RTP/AVP 97 98\r\na=rtpmap:97 H264/90000\r\na=rtpmap:98 VP8/90000\r\na=rtcp-fb:* nack\r\na=rtcp-fb:98 ccm fir\r\n"

func TestFilter(t *testing.T) {
	const events = "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\n"
	tests := map[string]struct {
		codecs   Codecs
		in, want string
		err      error
	}{
		"one":             {Codecs{Names: []string{"PCMA"}}, audio, "m=audio 6000 RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000\r\n" + events, nil},
		"in any case":     {Codecs{Names: []string{"Opus"}}, audio, "m=audio 6000 RTP/AVP 96 101\r\na=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1\r\n" + events, nil},
		"static":          {Codecs{Names: []string{"PCMU"}}, audio, "m=audio 6000 RTP/AVP 0 101\r\n" + events, nil},
		"order":           {Codecs{Names: []string{"opus", "PCMU", "PCMA"}}, audio, strings.Replace(audio, "8 0 96 101", "96 0 8 101", 1), nil},
		"X11 the best":    {Codecs{Names: []string{"G722", "PCMU", "PCMA"}, First: true}, audio, "m=audio 6000 RTP/AVP 0 101\r\n" + events, nil},
		"all as they are": {Codecs{Names: []string{"PCMA", "PCMU", "opus"}}, audio, audio, nil},
		"none":            {Codecs{Names: []string{"G729"}}, audio, "", ErrNoCodec},
		"only beside":     {Codecs{Names: []string{"telephone-event"}}, audio, "", ErrNoCodec},
		"video goes":      {Codecs{Names: []string{"PCMA"}}, audio + video, "m=audio 6000 RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000\r\n" + events + strings.Replace(video, "6002", "0", 1), nil},
		"video is chosen": {
			Codecs{Names: []string{"PCMU", "VP8"}},
			audio + video,
			"m=audio 6000 RTP/AVP 0 101\r\n" + events + "m=video 6002 RTP/AVP 98\r\na=rtpmap:98 VP8/90000\r\na=rtcp-fb:* nack\r\na=rtcp-fb:98 ccm fir\r\n", nil,
		},
		"no RTP":           {Codecs{Names: []string{"PCMA"}}, "m=image 6004 udptl t38\r\na=T38FaxVersion:0\r\n", "m=image 6004 udptl t38\r\na=T38FaxVersion:0\r\n", nil},
		"no media":         {Codecs{Names: []string{"PCMA"}}, "", "", nil},
		"audio taken away": {Codecs{Names: []string{"G729"}}, "m=audio 0 RTP/AVP 8\r\n", "m=audio 0 RTP/AVP 8\r\n", nil},
		"ports":            {Codecs{Names: []string{"PCMA"}}, "m=audio 6000/2 RTP/SAVPF 0 8\n", "m=audio 6000/2 RTP/SAVPF 8\n", nil},
		"no line end":      {Codecs{Names: []string{"PCMA"}}, "m=audio 6000 RTP/AVP 0 8", "m=audio 6000 RTP/AVP 8", nil},
		"the second has it": {
			Codecs{Names: []string{"G729"}}, "m=audio 6000 RTP/AVP 8\r\nm=audio 6004 RTP/AVP 0 18\r\n", "m=audio 6000 RTP/AVP 8\r\nm=audio 6004 RTP/AVP 18\r\n", nil,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := tt.codecs.Filter([]byte("before"), []byte(session+tt.in))
			want := "before"
			if tt.err == nil {
				want += session + tt.want
			}
			if diff := cmp.Diff(want, string(got)); diff != "" || !errors.Is(err, tt.err) {
				t.Errorf("%v\n%s", err, diff)
			}
		})
	}
}

func TestNames(t *testing.T) {
	if diff := cmp.Diff([]string{"PCMA", "PCMU", "opus", "telephone-event"}, Names([]byte(session+audio+video))); diff != "" {
		t.Error(diff)
	}
	if n := Names([]byte("nonsense")); n != nil {
		t.Errorf("codecs %v", n)
	}
}

// Whatever stays is still a session description, of codecs that may stay and were offered, and filtering again changes nothing.
func TestFilterAgainstPion(t *testing.T) {
	names := []string{"PCMA", "PCMU", "G729", "opus", "G722"}
	rapid.Check(t, func(t *rapid.T) {
		d := session
		for range rapid.IntRange(1, 3).Draw(t, "media") {
			kind := rapid.SampledFrom([]string{"audio", "audio", "video"}).Draw(t, "kind")
			payloads := rapid.Permutation([]string{"0", "8", "9", "18", "96", "101"}).Draw(t, "payloads")[:rapid.IntRange(1, 6).Draw(t, "n")]
			d += "m=" + kind + " 6000 RTP/AVP " + strings.Join(payloads, " ") + "\r\na=rtpmap:9 G722/8000\r\na=rtpmap:18 G729/8000\r\na=rtpmap:96 opus/48000/2\r\na=rtpmap:101 telephone-event/8000\r\na=sendrecv\r\n"
		}
		c := Codecs{Names: rapid.SliceOfNDistinct(rapid.SampledFrom(names), 1, 4, rapid.ID).Draw(t, "codecs"), First: rapid.Bool().Draw(t, "first")}
		once, err := c.Filter(nil, []byte(d))
		if err != nil {
			return
		}
		twice, err := c.Filter(nil, once)
		if err != nil || string(twice) != string(once) {
			t.Fatalf("%v\n%s", err, cmp.Diff(string(once), string(twice)))
		}
		var before, after pion.SessionDescription
		if err := errors.Join(before.UnmarshalString(d), after.Unmarshal(once)); err != nil {
			t.Fatal(err)
		}
		for i, m := range after.MediaDescriptions {
			offered := before.MediaDescriptions[i].MediaName.Formats
			for _, f := range m.MediaName.Formats {
				if !slices.Contains(offered, f) {
					t.Errorf("payload type %s was not offered", f)
				}
			}
		}
		// Each medium has only codecs that may stay, or none of them: then it is audio, left for another one, or it is not offered.
		for i, m := range after.MediaDescriptions {
			var stay, gone []string
			for _, f := range m.MediaName.Formats {
				codec, err := after.GetCodecForPayloadType(uint8(must(strconv.ParseUint(f, 10, 8))))
				switch {
				case err != nil:
					t.Fatal(err)
				case slices.Contains(c.Names, codec.Name):
					stay = append(stay, f)
				case codec.Name != "telephone-event":
					gone = append(gone, f)
				}
			}
			if off := m.MediaName.Port.Value == 0; len(gone) > 0 && !off && (len(stay) > 0 || m.MediaName.Media != "audio") || c.First && !off && len(stay) > 1 {
				t.Errorf("medium %d keeps %v beside %v", i, gone, stay)
			}
		}
	})
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func FuzzFilter(f *testing.F) {
	f.Add(session+audio+video, "PCMA")
	f.Add("m=audio 1 RTP/AVP 8\nm=audio", "pcma")
	f.Add("m=\na=rtpmap:\nm=audio 0/ RTP/ 8", "")
	f.Fuzz(func(t *testing.T, d, codec string) {
		out, err := Codecs{Names: []string{codec}}.Filter(nil, []byte(d))
		if err == nil && len(out) > len(d)+3*strings.Count(d, "m=") {
			t.Errorf("%q grows to %q", d, out)
		}
		Names([]byte(d))
	})
}

func BenchmarkFilter(b *testing.B) {
	c, d := Codecs{Names: []string{"PCMU", "PCMA"}}, []byte(session+audio)
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf, _ = c.Filter(buf[:0], d)
	}
}
