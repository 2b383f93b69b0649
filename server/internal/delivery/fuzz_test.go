package delivery_test

import (
	"encoding/binary"
	"testing"
	"unicode/utf8"

	"github.com/nattevakt/nattevakt/server/internal/delivery"
)

func FuzzCSV(f *testing.F) {
	for _, s := range []string{
		supplierCSV, "\ufeff" + supplierCSV, "\xff\xfe" + utf16Bytes(supplierCSV, binary.LittleEndian),
		"sep=,\nserial,price\nABC1,\"1,5\"\n", "serienummer\nABC\xf8\n", "\"", "serienummer;;;\n;;;\n", "sep=;",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, content []byte) { checkParse(t, "l.csv", content) })
}

func FuzzXLSX(f *testing.F) {
	f.Add(workbook(f, [][]any{{"serienummer", "kjøpsdato", "pris"}, {"ABC123", day, 12.5}}, nil))
	f.Add(workbook(f, nil, nil))
	f.Add([]byte("PK\x03\x04"))
	f.Fuzz(func(t *testing.T, content []byte) { checkParse(t, "l.xlsx", content) })
}

// checkParse holds the package's guarantees against whatever came out.
func checkParse(t *testing.T, name string, content []byte) {
	list, problems := delivery.Parse(name, content, defaults)
	if len(problems) == 0 && (len(list.Rows) == 0 || len(list.Rows) != list.RowsRead) {
		t.Fatalf("%d of %d rows and no problem", len(list.Rows), list.RowsRead)
	}
	if len(problems) > delivery.MaxProblems+1 || list.RowsRead > delivery.MaxRows {
		t.Fatalf("%d problems, %d rows", len(problems), list.RowsRead)
	}
	for _, p := range problems {
		if p.Text == "" || p.English == "" || !utf8.ValidString(p.Value) || p.Row < 0 {
			t.Fatalf("problem %+v", p)
		}
	}
	seen := map[string]bool{}
	for _, r := range list.Rows {
		d := r.Delivery
		if r.Number < 2 && name == "l.csv" || len(r.Serial) < 3 || seen[r.Serial] || d.PriceOre < 0 || r.Place.Owner == "" || r.Place.Site == "" {
			t.Fatalf("row %+v", r)
		}
		if (d.Purchased != "" && len(d.Purchased) != 10) || (d.TPMKeySHA256 != nil && len(d.TPMKeySHA256) != 32) {
			t.Fatalf("row %+v", r)
		}
		seen[r.Serial] = true
	}
}
