package delivery_test

import (
	"encoding/binary"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"unicode/utf16"

	"golang.org/x/text/encoding/charmap"

	"github.com/nattevakt/nattevakt/server/internal/delivery"
	"github.com/nattevakt/nattevakt/server/internal/fleet"
)

var defaults = delivery.Defaults{Owner: "nordvik", Site: "fjellskolen"}

const ek = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

// supplierCSV is a list as a Norwegian supplier's Excel writes it.
const supplierCSV = `Serienummer;Produsent;Modell;Leverandør;Kjøpsdato;Pris;Garanti til;Eier;Skole;Ladeskap;Plass;Rolle;TPM-EK SHA-256;Kommentar
5CG1234ABC;HP;EliteBook 640 G9;Atea Tromsø;31.12.2025;12 345,50 kr;31.12.2028;nordvik;fjellskolen;skap-1;1;elev;` + ek + `;Blå
7XK2PQ3;Dell;Latitude 3330;Atea Tromsø;2026-01-05;8990;;;;skap-1;2;elev;;
`

func parse(content string) (delivery.List, []delivery.Problem) {
	return delivery.Parse("liste.csv", []byte(content), defaults)
}

// good parses a list that must have no problems.
func good(t *testing.T, name string, content []byte) delivery.List {
	t.Helper()
	list, problems := delivery.Parse(name, content, defaults)
	for _, p := range problems {
		t.Errorf("row %d, %q = %q: %s", p.Row, p.Column, p.Value, p.Text)
	}
	return list
}

func TestSupplierCSV(t *testing.T) {
	list := good(t, "liste.csv", []byte(supplierCSV))
	if list.Format != "CSV" || list.Encoding != "UTF-8" || list.RowsRead != 2 || !reflect.DeepEqual(list.Ignored, []string{"Kommentar"}) {
		t.Errorf("list %+v", list)
	}
	want := delivery.Row{
		Number: 2, Vendor: "HP", Model: "EliteBook 640 G9", Serial: "5CG1234ABC", Role: "elev",
		Place: fleet.Place{Owner: "nordvik", Site: "fjellskolen", Cabinet: "skap-1", Slot: 1},
		Delivery: fleet.Delivery{Purchased: "2025-12-31", WarrantyEnd: "2028-12-31", PriceOre: 1234550, Supplier: "Atea Tromsø",
			TPMKeySHA256: list.Rows[0].Delivery.TPMKeySHA256},
	}
	if !reflect.DeepEqual(list.Rows[0], want) {
		t.Errorf("got  %+v\nwant %+v", list.Rows[0], want)
	}
	if got := fmt.Sprintf("%x", list.Rows[0].Delivery.TPMKeySHA256); got != ek {
		t.Errorf("TPM key %s", got)
	}
	second := list.Rows[1]
	if second.Place.Owner != "nordvik" || second.Place.Site != "fjellskolen" || second.Delivery.PriceOre != 899000 || second.Delivery.Purchased != "2026-01-05" {
		t.Errorf("second row %+v", second)
	}
}

func TestEncodings(t *testing.T) {
	utf16le, utf16be := utf16Bytes(supplierCSV, binary.LittleEndian), utf16Bytes(supplierCSV, binary.BigEndian)
	windows, err := charmap.Windows1252.NewEncoder().String(supplierCSV)
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct{ content, encoding string }{
		"UTF-8":                     {supplierCSV, "UTF-8"},
		"UTF-8 with BOM":            {"\ufeff" + supplierCSV, "UTF-8"},
		"UTF-16 little-endian, BOM": {"\xff\xfe" + utf16le, "UTF-16LE"},
		"UTF-16 big-endian, BOM":    {"\xfe\xff" + utf16be, "UTF-16BE"},
		"UTF-16 little-endian":      {utf16le, "UTF-16LE"},
		"UTF-16 big-endian":         {utf16be, "UTF-16BE"},
		"Windows-1252 and Latin-1":  {windows, "Windows-1252"},
		"lines end as on Windows":   {strings.ReplaceAll(supplierCSV, "\n", "\r\n"), "UTF-8"},
	} {
		t.Run(name, func(t *testing.T) {
			list := good(t, "liste.csv", []byte(tc.content))
			if list.Encoding != tc.encoding || len(list.Rows) != 2 || list.Rows[0].Delivery.Supplier != "Atea Tromsø" {
				t.Errorf("%s, %d rows, %+v", list.Encoding, len(list.Rows), list.Rows)
			}
		})
	}
}

func utf16Bytes(s string, order binary.AppendByteOrder) string {
	var out []byte
	for _, unit := range utf16.Encode([]rune(s)) {
		out = order.AppendUint16(out, unit)
	}
	return string(out)
}

func TestWrongEncodingIsReported(t *testing.T) {
	dos, err := charmap.CodePage850.NewEncoder().String("serienummer;modell\nABC123;Sk\u00e5p blå\n")
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		content string
		row     int
		want    string
	}{
		"UTF-8 read as Windows-1252":  {"serienummer;leverandør\nABC123;Atea TromsÃ¸\n", 2, "tegnkoding"},
		"letters lost for good":       {"serienummer;leverandør\nABC123;Atea Troms\ufffd\n", 2, "tegnkoding"},
		"code page 850":               {dos, 2, "tegnkoding"},
		"no text at all":              {"\x00\x01\x02\x03serienummer\x07", 0, "ikke tekst"},
		"UTF-16 that ends in half":    {"\xff\xfea\x00b", 0, "ikke tekst"},
		"a byte no Windows-1252 has":  {"serienummer\nABC\x81\n", 0, "ikke tekst"},
		"a picture":                   {"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", 0, "ikke tekst"},
		"nothing":                     {" \n\t\n", 0, "tom"},
		"old Excel or with password":  {"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 more", 0, ".xlsx"},
		"an archive, but no workbook": {"PK\x03\x04 and then nothing", 0, "Excel"},
	} {
		t.Run(name, func(t *testing.T) {
			list, problems := parse(tc.content)
			if len(problems) != 1 || problems[0].Row != tc.row || !strings.Contains(problems[0].Text, tc.want) || len(list.Rows) != 0 {
				t.Errorf("problems %+v, rows %+v", problems, list.Rows)
			}
		})
	}
}

func TestSeparators(t *testing.T) {
	for name, content := range map[string]string{
		"semicolon":                 "serienummer;modell;pris\nABC123;X, Y og Z;\"12 345,50\"\n",
		"comma":                     "serial,model,price\nABC123,\"X, Y og Z\",\"12345,50\"\n",
		"tab":                       "serienummer\tmodell\tpris\nABC123\tX, Y og Z\t12345,50\n",
		"Excel says which":          "sep=;\nserienummer;modell;pris\nABC123;X, Y og Z;12345,50\n",
		"title above, blank line":   "Leveranse til Nordvik\n\nserienummer;modell;pris\nABC123;X, Y og Z;12345,50\n",
		"one column and a default":  "serienummer\nABC123\n",
		"quoted heading with comma": "\"serienummer\";\"modell\";\"pris\"\nABC123;X, Y og Z;12345,50\n",
	} {
		t.Run(name, func(t *testing.T) {
			list := good(t, "liste.csv", []byte(content))
			if len(list.Rows) != 1 || list.Rows[0].Serial != "ABC123" {
				t.Fatalf("rows %+v", list.Rows)
			}
			if row := list.Rows[0]; row.Model != "" && (row.Model != "X, Y og Z" || row.Delivery.PriceOre != 1234550) {
				t.Errorf("row %+v", row)
			}
		})
	}
}

func TestRowsAreNumberedAsThePersonSeesThem(t *testing.T) {
	list, problems := parse("sep=;\nLeveranse\n\nserienummer;pris\nABC1;1\n\nABC2;gratis\nABC3;3\n")
	if len(problems) != 1 || problems[0].Row != 7 || problems[0].Column != "pris" || problems[0].Value != "gratis" {
		t.Errorf("problems %+v", problems)
	}
	if len(list.Rows) != 2 || list.Rows[0].Number != 5 || list.Rows[1].Number != 8 || list.RowsRead != 3 {
		t.Errorf("rows %+v of %d", list.Rows, list.RowsRead)
	}
}

func TestEveryRowsProblemIsListed(t *testing.T) {
	for name, tc := range map[string]struct {
		content string
		want    []string // "row column text"
	}{
		"duplicate serial names both rows": {"serienummer\nABC123\nDEF456\nabc123\n", []string{"4 serienummer rad 2"}},
		"two machines in one slot":         {"serienummer;skap;plass\nABC1;s1;4\nABC2;s1;4\n", []string{"3 plass rad 2"}},
		"no serial":                        {"serienummer;modell\n;X\n", []string{"2 serienummer mangler"}},
		"rounded by Excel":                 {"serienummer\n1,23457E+11\n", []string{"2 serienummer avrundet"}},
		"not a serial":                     {"serienummer\nsee box!\n", []string{"2 serienummer ikke et serienummer"}},
		"American date":                    {"serienummer;kjøpsdato\nABC1;12/31/2026\n", []string{"2 kjøpsdato 31.12.2026"}},
		"no such day":                      {"serienummer;kjøpsdato\nABC1;31.02.2026\n", []string{"2 kjøpsdato dato"}},
		"a bare number is no date in CSV":  {"serienummer;kjøpsdato\nABC1;46022\n", []string{"2 kjøpsdato dato"}},
		"a date of another age":            {"serienummer;kjøpsdato\nABC1;31.12.1926\n", []string{"2 kjøpsdato 1990"}},
		"warranty ends first":              {"serienummer;kjøpsdato;garanti\nABC1;2026-01-02;2025-01-01\n", []string{"2 garanti 2026-01-02"}},
		"price that is two prices":         {"serienummer;pris\nABC1;12.345\n", []string{"2 pris entydig"}},
		"negative price":                   {"serienummer;pris\nABC1;-5\n", []string{"2 pris entydig"}},
		"slot without cabinet":             {"serienummer;plass\nABC1;4\n", []string{"2 plass ladeskap"}},
		"slot 0":                           {"serienummer;skap;plass\nABC1;s1;0\n", []string{"2 plass 1 til 200"}},
		"long name":                        {"serienummer;eier\nABC1;Nordvik kommune\n", []string{"2 eier kortnavnet"}},
		"half a fingerprint":               {"serienummer;tpm ek\nABC1;9f86d0\n", []string{"2 tpm ek 64"}},
		"formula that failed":              {"serienummer;modell\nABC1;#N/A\n", []string{"2 modell formel"}},
		"line break in a cell":             {"serienummer;modell\nABC1;\"X\nY\"\n", []string{"2 modell linjeskift"}},
		"endless cell":                     {"serienummer;modell\nABC1;" + strings.Repeat("x", 1001) + "\n", []string{"2 modell 1000"}},
		"quotes that do not match":         {"serienummer;modell\nABC1;\"X\" Y\n", []string{"2  anførselstegn"}},
		"too wide":                         {"serienummer\nABC1" + strings.Repeat(";", 200) + "x\n", []string{"2  200 kolonner"}},
		"no serial column":                 {"modell;pris\nX;1\n", []string{"1  Serienummer"}},
		"two serial columns":               {"serienummer;modell;S/N\nABC1;X;ABC1\n", []string{"1 S/N samme"}},
		"no rows":                          {"serienummer;modell\n", []string{"1  ingen rader"}},
		"several at once": {"serienummer;pris;kjøpsdato\n;x;y\nABC1;1;2026-01-01\nABC1;2;z\n",
			[]string{"2 serienummer mangler", "2 kjøpsdato dato", "2 pris entydig", "4 kjøpsdato dato", "4 serienummer rad 3"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, problems := parse(tc.content)
			if len(problems) != len(tc.want) {
				t.Fatalf("%d problems, want %d: %+v", len(problems), len(tc.want), problems)
			}
			for i, p := range problems {
				got := fmt.Sprintf("%d %s %s", p.Row, p.Column, p.Text)
				want := strings.SplitN(tc.want[i], " ", 2)
				if !strings.HasPrefix(got, want[0]+" ") || !strings.Contains(strings.ToLower(got), strings.ToLower(lastWord(want[1], p.Column))) {
					t.Errorf("problem %q, want %q", got, tc.want[i])
				}
				if p.English == "" || p.In("en") != p.English || p.In("nb") != p.Text {
					t.Errorf("problem %+v is not in both languages", p)
				}
			}
		})
	}
}

// lastWord is what the text must say, once the column is taken away from the front.
func lastWord(want, column string) string {
	return strings.TrimSpace(strings.TrimPrefix(want, column))
}

func TestSiteMustComeFromSomewhere(t *testing.T) {
	_, problems := delivery.Parse("liste.csv", []byte("serienummer\nABC1\n"), delivery.Defaults{})
	if len(problems) != 1 || !strings.Contains(problems[0].Text, "skole") {
		t.Errorf("problems %+v", problems)
	}
	list, problems := delivery.Parse("liste.csv", []byte("serienummer;ladeskap\nABC1;solvang-a\n"), delivery.Defaults{})
	if len(problems) != 0 || len(list.Rows) != 1 {
		t.Errorf("a cabinet says enough: %+v", problems)
	}
}

func TestPrices(t *testing.T) {
	for s, want := range map[string]int64{
		"12 345,50 kr": 1234550, "12\u00a0345,50": 1234550, "12\u202f345,50 kr.": 1234550, "kr 12 345,-": 1234500, "NOK 12345": 1234500,
		"12.345,50": 1234550, "12,345.50": 1234550, "1.234.567": 123456700, "1.234.567,8": 123456780, "12345.5": 1234550,
		"0": 0, "8990,-": 899000, "12345.678901": 1234568, "1.2345E+4": 1234500, "kr. 99,90": 9990, "12'345.50": 1234550,
	} {
		list := good(t, "liste.csv", []byte("serienummer\tpris\nABC1\t"+s+"\n"))
		if len(list.Rows) != 1 || list.Rows[0].Delivery.PriceOre != want {
			t.Errorf("price %q: %+v, want %d øre", s, list.Rows, want)
		}
	}
	for _, s := range []string{"12.345", "12,345", "-1", "1,2,3", "1.23.456", "tolv", "kr", "1e99", "99999999999999999999", "1.234.56", "NaN"} {
		if list, problems := parse("serienummer\tpris\nABC1\t" + s + "\n"); len(problems) != 1 {
			t.Errorf("price %q was taken: %+v", s, list.Rows)
		}
	}
}

func TestLimits(t *testing.T) {
	t.Run("problems", func(t *testing.T) {
		_, problems := parse("serienummer;pris\n" + strings.Repeat(";x\n", 5000))
		if last := problems[len(problems)-1]; len(problems) != delivery.MaxProblems+1 || last.Row != 0 || !strings.Contains(last.Text, "flere feil") {
			t.Errorf("%d problems, the last %+v", len(problems), last)
		}
	})
	t.Run("rows", func(t *testing.T) {
		var b strings.Builder
		b.WriteString("serienummer\n")
		for i := range delivery.MaxRows {
			fmt.Fprintf(&b, "S%06d\n", i)
		}
		if list := good(t, "liste.csv", []byte(b.String())); len(list.Rows) != delivery.MaxRows {
			t.Errorf("%d rows", len(list.Rows))
		}
		b.WriteString("ONEMORE\n")
		if _, problems := parse(b.String()); len(problems) != 1 || !strings.Contains(problems[0].Text, "100 000") {
			t.Errorf("problems %+v", problems)
		}
	})
	t.Run("bytes", func(t *testing.T) {
		if _, problems := parse(strings.Repeat("x", delivery.MaxBytes+1)); len(problems) != 1 || !strings.Contains(problems[0].Text, "16 MiB") {
			t.Errorf("problems %+v", problems)
		}
	})
}

func BenchmarkCSV(b *testing.B) {
	content := []byte(strings.SplitAfter(supplierCSV, "\n")[0])
	for i := range 1000 {
		content = fmt.Appendf(content, "S%06d;HP;EliteBook 640 G9;Atea;31.12.2025;12 345,50 kr;31.12.2028;nordvik;fjellskolen;;;elev;;\n", i)
	}
	b.SetBytes(int64(len(content)))
	for b.Loop() {
		if list, problems := delivery.Parse("l.csv", content, defaults); len(list.Rows) != 1000 {
			b.Fatal(problems)
		}
	}
}
