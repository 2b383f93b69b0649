package keys

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// makeFile makes a key in a file: PKCS #8 in PEM, sealed as the platform can.
func makeFile(store Store) (crypto.Signer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make device key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("make device key: %w", err)
	}
	sealed, err := seal(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	if err != nil {
		return nil, fmt.Errorf("make device key: %w", err)
	}
	if err := store.Write(FileName, sealed); err != nil {
		return nil, fmt.Errorf("make device key: %w", err)
	}
	return key, nil
}

func reopenFile(store Store, data []byte, err error) (crypto.Signer, error) {
	if err != nil {
		return nil, fmt.Errorf("device key: %w", err)
	}
	if err := checkClosed(store.Path(FileName)); err != nil {
		return nil, fmt.Errorf("device key: %w", err)
	}
	plain, err := unseal(data)
	if err != nil {
		return nil, fmt.Errorf("device key %s: %w", store.Path(FileName), err)
	}
	key, err := parse(plain)
	if err != nil {
		return nil, fmt.Errorf("device key %s: %w (remove the state folder and enrol the machine anew)", store.Path(FileName), err)
	}
	return key, nil
}

func parse(text []byte) (*ecdsa.PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "PRIVATE KEY" {
		return nil, errors.New("want a PEM block PRIVATE KEY")
	}
	any, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	key, ok := any.(*ecdsa.PrivateKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, errors.New("want an ECDSA key on P-256")
	}
	return key, nil
}
