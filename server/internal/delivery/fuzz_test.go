package delivery_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"io"
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

// FuzzXLSX varies the two parts of a workbook that hold its cells; a changed archive is refused by its
// checksums before anything is read.
func FuzzXLSX(f *testing.F) {
	book := workbook(f, [][]any{{"serienummer", "kjøpsdato", "pris"}, {"ABC123", day, 12.5}}, nil)
	f.Add(part(f, book, sheetPart), part(f, book, stringsPart))
	f.Add([]byte(`<worksheet><sheetData><row r="1048576"><c r="XFD1048576" t="s"><v>-1</v></c></row></sheetData></worksheet>`), []byte("<sst/>"))
	f.Fuzz(func(t *testing.T, sheet, strings []byte) {
		if len(sheet)+len(strings) > 1<<16 {
			t.Skip("larger than a fuzzer needs")
		}
		checkParse(t, "l.xlsx", withParts(t, book, map[string][]byte{sheetPart: sheet, stringsPart: strings}))
	})
}

const sheetPart, stringsPart = "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"

// part is one file of a workbook.
func part(t testing.TB, book []byte, name string) []byte {
	t.Helper()
	archive, err := zip.NewReader(bytes.NewReader(book), int64(len(book)))
	must(t, err)
	f, err := archive.Open(name)
	must(t, err)
	content, err := io.ReadAll(f)
	must(t, err)
	return content
}

// withParts is book with some of its files replaced.
func withParts(t testing.TB, book []byte, parts map[string][]byte) []byte {
	t.Helper()
	archive, err := zip.NewReader(bytes.NewReader(book), int64(len(book)))
	must(t, err)
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, f := range archive.File {
		content, replaced := parts[f.Name]
		if !replaced {
			content = part(t, book, f.Name)
		}
		w, err := z.CreateHeader(&zip.FileHeader{Name: f.Name, Method: zip.Store})
		must(t, err)
		_, err = w.Write(content)
		must(t, err)
	}
	must(t, z.Close())
	return out.Bytes()
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
