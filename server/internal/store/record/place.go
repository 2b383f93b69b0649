package record

import (
	"github.com/nattevakt/nattevakt/proto/id"
	"github.com/nattevakt/nattevakt/server/internal/fleet"
)

type ownerRow struct {
	ID   id.Name `cbor:"1,keyasint"`
	Name string  `cbor:"2,keyasint,omitempty"`
}

// EncodeOwner gives the value of a row of store.Owners.
func EncodeOwner(o fleet.Owner) []byte { return encode(ownerRow(o)) }

// DecodeOwner reads the value of a row of store.Owners.
func DecodeOwner(value []byte) (fleet.Owner, error) {
	var r ownerRow
	err := decode("owner", value, &r)
	return fleet.Owner(r), err
}

type siteRow struct {
	ID    id.Name `cbor:"1,keyasint"`
	Name  string  `cbor:"2,keyasint,omitempty"`
	Owner id.Name `cbor:"3,keyasint,omitempty"`
	Zone  string  `cbor:"4,keyasint,omitempty"`
}

// EncodeSite gives the value of a row of store.Sites.
func EncodeSite(s fleet.Site) []byte { return encode(siteRow(s)) }

// DecodeSite reads the value of a row of store.Sites.
func DecodeSite(value []byte) (fleet.Site, error) {
	var r siteRow
	err := decode("site", value, &r)
	return fleet.Site(r), err
}

type cabinetRow struct {
	ID    id.Name `cbor:"1,keyasint"`
	Name  string  `cbor:"2,keyasint,omitempty"`
	Site  id.Name `cbor:"3,keyasint,omitempty"`
	Slots int     `cbor:"4,keyasint,omitempty"`
}

// EncodeCabinet gives the value of a row of store.Cabinets.
func EncodeCabinet(c fleet.Cabinet) []byte { return encode(cabinetRow(c)) }

// DecodeCabinet reads the value of a row of store.Cabinets.
func DecodeCabinet(value []byte) (fleet.Cabinet, error) {
	var r cabinetRow
	err := decode("cabinet", value, &r)
	return fleet.Cabinet(r), err
}

type tokenRow struct {
	ID           string  `cbor:"1,keyasint"`
	Site         id.Name `cbor:"2,keyasint,omitempty"`
	SecretSHA256 []byte  `cbor:"3,keyasint,omitempty"`
	Uses         int     `cbor:"4,keyasint,omitempty"`
	MaxUses      int     `cbor:"5,keyasint,omitempty"`
	CreatedAt    instant `cbor:"6,keyasint,omitempty"`
	ExpiresAt    instant `cbor:"7,keyasint,omitempty"`
	Revoked      bool    `cbor:"8,keyasint,omitempty"`
}

// EncodeToken gives the value of a row of store.Tokens.
func EncodeToken(t fleet.Token) []byte {
	return encode(tokenRow{
		ID: t.ID, Site: t.Site, SecretSHA256: t.SecretSHA256, Uses: t.Uses, MaxUses: t.MaxUses,
		CreatedAt: instantOf(t.CreatedAt), ExpiresAt: instantOf(t.ExpiresAt), Revoked: t.Revoked,
	})
}

// DecodeToken reads the value of a row of store.Tokens.
func DecodeToken(value []byte) (fleet.Token, error) {
	var r tokenRow
	if err := decode("token", value, &r); err != nil {
		return fleet.Token{}, err
	}
	return fleet.Token{
		ID: r.ID, Site: r.Site, SecretSHA256: r.SecretSHA256, Uses: r.Uses, MaxUses: r.MaxUses,
		CreatedAt: r.CreatedAt.time(), ExpiresAt: r.ExpiresAt.time(), Revoked: r.Revoked,
	}, nil
}
