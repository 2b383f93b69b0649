package config_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nattevakt/nattevakt/agent/internal/config"
	"github.com/nattevakt/nattevakt/agent/internal/controltest"
)

func valid(t testing.TB) map[string]any {
	t.Helper()
	return map[string]any{
		"version": 1, "server": "nattevakt.skole.no:7443", "servers": []string{"10.0.0.1:7443"},
		"ca": string(controltest.NewCA(t).PEM()), "site_token": "hemmelig",
		"release_keys": []string{"O2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik="}, "release_threshold": 1,
	}
}

func encode(t testing.TB, fields map[string]any) []byte {
	t.Helper()
	data, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestParse(t *testing.T) {
	b, err := config.Parse(encode(t, valid(t)))
	if err != nil {
		t.Fatal(err)
	}
	if got := b.Addresses(); len(got) != 2 || got[1] != "10.0.0.1:7443" {
		t.Errorf("addresses %v", got)
	}
	if strings.Contains(b.String(), "hemmelig") || b.WithoutToken().SiteToken != "" {
		t.Error("the token shows")
	}
}

func TestParseRefuses(t *testing.T) {
	key := "O2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik="
	tests := []struct {
		name, field string
		value       any
		want        string
	}{
		{"newer version", "version", 2, "version 2"},
		{"unknown field", "tokn", "x", "tokn"},
		{"no port", "server", "skole.no", "host:port"},
		{"port 0", "server", "skole.no:0", "host:port"},
		{"too many servers", "servers", make([]string, 8), "servers"},
		{"no authority", "ca", "", "ca:"},
		{"not a certificate", "ca", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "ca:"},
		{"short key", "release_keys", []string{"AAAA"}, "release_keys[0]"},
		{"same key twice", "release_keys", []string{key, key}, "same key"},
		{"threshold too high", "release_threshold", 2, "release_threshold 2"},
		{"threshold missing", "release_threshold", 0, "release_threshold 0"},
		{"long token", "site_token", strings.Repeat("x", 129), "site_token"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			fields := valid(t)
			fields[tt.field] = tt.value
			if _, err := config.Parse(encode(t, fields)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want it to name %q", err, tt.want)
			}
		})
	}
}

func TestLoadNamesTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bootstrap.json")
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := config.Load(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v", err)
	}
}

func TestSameCA(t *testing.T) {
	a, err := config.Parse(encode(t, valid(t)))
	if err != nil {
		t.Fatal(err)
	}
	b, err := config.Parse(encode(t, valid(t)))
	if err != nil {
		t.Fatal(err)
	}
	if !a.SameCA(a) || a.SameCA(b) {
		t.Error("SameCA must tell two roots apart")
	}
}

func FuzzParse(f *testing.F) {
	f.Add(encode(f, valid(f)))
	f.Add([]byte(`{"version":1,"server":"a:1","ca":"-----BEGIN CERTIFICATE-----"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := config.Parse(data)
		if err != nil {
			return
		}
		again, err := config.Parse(encodeBootstrap(t, b))
		if err != nil || again.String() != b.String() {
			t.Errorf("what was accepted does not survive writing: %v", err)
		}
	})
}

func encodeBootstrap(t *testing.T, b config.Bootstrap) []byte {
	t.Helper()
	data, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
