package operatorfile_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/nattevakt/nattevakt/server/internal/ca"
	"github.com/nattevakt/nattevakt/server/internal/operatorfile"
)

func sample(t testing.TB) operatorfile.File {
	t.Helper()
	authority, _, err := ca.Open(t.TempDir(), ca.Options{}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	chain, _, err := authority.Issue(ca.Subject{Role: ca.Operator, Name: "admin"}, key.Public(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	var certificates bytes.Buffer
	for _, c := range chain {
		certificates.Write(encode("CERTIFICATE", c))
	}
	return operatorfile.File{
		Name: "admin", Servers: []string{"127.0.0.1:7443"}, Content: []string{"https://127.0.0.1:7444/content/"},
		CA: string(encode("CERTIFICATE", authority.Root().Raw)), Certificate: certificates.String(),
		Key: string(encode("PRIVATE KEY", der)), ReleaseKey: "release.key",
	}
}

func encode(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func TestSaveAndLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "operator.json")
	want := sample(t)
	if err := operatorfile.Save(path, want); err != nil {
		t.Fatal(err)
	}
	got, err := operatorfile.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if got.Name != want.Name || got.Key != want.Key || got.Version != operatorfile.Version {
		t.Errorf("loaded %+v", got)
	}
	if want := filepath.Join(filepath.Dir(path), "release.key"); got.ReleaseKeyPath() != want {
		t.Errorf("release key at %s, want %s", got.ReleaseKeyPath(), want)
	}
	config, err := got.TLS()
	if err != nil || len(config.Certificates) != 1 || config.RootCAs == nil {
		t.Errorf("TLS: %v, %v", config, err)
	}
	if ends, err := got.Ends(); err != nil || time.Until(ends) < 300*24*time.Hour {
		t.Errorf("ends %v, %v", ends, err)
	}
}

func TestLoadRefusesAFileThatOthersMayRead(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs Unix file modes")
	}
	path := filepath.Join(t.TempDir(), "operator.json")
	if err := operatorfile.Save(path, sample(t)); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("saved with mode %v, %v", info.Mode(), err)
	}
	for _, mode := range []os.FileMode{0o640, 0o604, 0o644, 0o660} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		_, err := operatorfile.Load(path)
		if !errors.Is(err, operatorfile.ErrReadable) || !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("mode %v: %v, want a refusal with the way out", mode, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	other := sample(t)
	for _, tc := range []struct {
		name   string
		change func(m map[string]any)
		want   string
	}{
		{"another version", func(m map[string]any) { m["version"] = 2 }, "version 2"},
		{"no version", func(m map[string]any) { delete(m, "version") }, "version 0"},
		{"unknown field", func(m map[string]any) { m["sevrers"] = "x" }, "sevrers"},
		{"no name", func(m map[string]any) { m["name"] = "" }, "name"},
		{"no servers", func(m map[string]any) { m["servers"] = []string{} }, "0 servers"},
		{"too many servers", func(m map[string]any) { m["servers"] = strings.Split(strings.Repeat("a:1,", 17), ",") }, "servers"},
		{"server without port", func(m map[string]any) { m["servers"] = []string{"nattevakt.example"} }, "host:port"},
		{"content over http", func(m map[string]any) { m["content"] = []string{"http://a/content/"} }, "https://"},
		{"content without slash", func(m map[string]any) { m["content"] = []string{"https://a/content"} }, "https://"},
		{"content empty", func(m map[string]any) { m["content"] = []string{""} }, "https://"},
		{"root not PEM", func(m map[string]any) { m["ca"] = "x" }, "ca"},
		{"another's key", func(m map[string]any) { m["key"] = other.Key }, "key"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := sample(t)
			f.Version = operatorfile.Version
			b, err := json.Marshal(f)
			if err != nil {
				t.Fatal(err)
			}
			var m map[string]any
			if err := json.Unmarshal(b, &m); err != nil {
				t.Fatal(err)
			}
			tc.change(m)
			if b, err = json.Marshal(m); err != nil {
				t.Fatal(err)
			}
			if _, err := operatorfile.Parse(b); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want one with %q", err, tc.want)
			}
		})
	}
}

func TestSaveRefusesWhatLoadWould(t *testing.T) {
	path := filepath.Join(t.TempDir(), "operator.json")
	f := sample(t)
	f.Servers = nil
	if err := operatorfile.Save(path, f); err == nil {
		t.Error("saved a file without servers")
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("left a file: %v", err)
	}
}

func TestFind(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	write := func(parts ...string) string {
		path := filepath.Join(parts...)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	config := filepath.Join(dir, "config")

	_, err := operatorfile.Find("", "", config)
	var missing *operatorfile.NotFoundError
	if !errors.As(err, &missing) || len(missing.Places) != 2 {
		t.Fatalf("error %v, want both places", err)
	}
	for _, place := range missing.Places {
		if !strings.Contains(err.Error(), place) {
			t.Errorf("%q does not name %s", err, place)
		}
	}

	inConfig := write(config, "nattevakt", "operator.json")
	expectFound(t, inConfig, "", "", config)
	inData := write("data", "operator", "operator.json")
	expectFound(t, inData, "", "", config)
	inEnvironment := write("env.json")
	expectFound(t, inEnvironment, "", "env.json", config)
	named := write("named.json")
	expectFound(t, named, "named.json", "env.json", config)

	if _, err := operatorfile.Find("gone.json", "env.json", config); !errors.As(err, &missing) {
		t.Errorf("a named file that is gone: %v", err)
	}
}

func expectFound(t *testing.T, want, named, env, config string) {
	t.Helper()
	if got, err := operatorfile.Find(named, env, config); err != nil || got != want {
		t.Errorf("found %q, %v; want %q", got, err, want)
	}
}

func FuzzParse(f *testing.F) {
	valid := sample(f)
	valid.Version = operatorfile.Version
	b, err := json.Marshal(valid)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`{"version":1}`))
	f.Add([]byte(`{"version":1,"content":[""]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := operatorfile.Parse(b)
		if err != nil {
			return
		}
		if _, err := got.TLS(); err != nil {
			t.Errorf("parsed, but of no use: %v", err)
		}
	})
}
