package config

import (
	"encoding/pem"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestHTTPClient(t *testing.T) {
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	dir := t.TempDir()
	good, bad := filepath.Join(dir, "good.pem"), filepath.Join(dir, "bad.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	for path, b := range map[string][]byte{good: text, bad: []byte("none")} {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for ca, want := range map[string]string{
		"": "", good: "", bad: "http.ca: " + bad + " holds no certificate in PEM", dir + "/none": "http.ca: open " + dir + "/none",
	} {
		c, err := (&HTTP{CA: ca}).Client("Tandem")
		if (err == nil) != (want == "") || err != nil && !strings.HasPrefix(err.Error(), want) || err == nil && c == nil {
			t.Errorf("%s: got %v, want %q", ca, err, want)
		}
	}
}

// A path of the file starts at its folder.
func TestCABesideTheFile(t *testing.T) {
	path := file(t, "[http]\nca = \"ca.pem\"\n")
	c, err := Read(path)
	if want := filepath.Join(filepath.Dir(path), "ca.pem"); err != nil || c.HTTP.CA != want {
		t.Errorf("got %s, want %s; %v", c.HTTP.CA, want, err)
	}
}
