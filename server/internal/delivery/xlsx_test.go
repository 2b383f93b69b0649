package delivery_test

import (
	"archive/zip"
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"github.com/nattevakt/nattevakt/server/internal/delivery"
)

// workbook writes rows into the first sheet of a real XLSX file; change may do more to it.
func workbook(t testing.TB, rows [][]any, change func(*excelize.File)) []byte {
	t.Helper()
	f := excelize.NewFile()
	defer f.Close()
	for i, row := range rows {
		cell, err := excelize.CoordinatesToCellName(1, i+1)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.SetSheetRow("Sheet1", cell, &row); err != nil {
			t.Fatal(err)
		}
	}
	if change != nil {
		change(f)
	}
	var out bytes.Buffer
	if err := f.Write(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var day = time.Date(2025, 12, 31, 0, 0, 0, 0, time.UTC)

func TestXLSX(t *testing.T) {
	content := workbook(t, [][]any{
		{"Serienr.", "Modell", "Kjøpsdato", "Garanti til", "Pris", "Ladeskap", "Plass"},
		{"5CG1234ABC", "EliteBook", day, "31.12.2028", 12345.5, "skap-1", 1},
		{"000123456789", "Surface", "2025-12-31", day.AddDate(3, 0, 0), "12 345,50 kr", "skap-1", "2"},
		{123456789012, "Lenovo", day.Add(14 * time.Hour), "", 8990, "skap-1", 3},
	}, nil)
	list := good(t, "liste.xlsx", content)
	if list.Format != "XLSX" || len(list.Rows) != 3 {
		t.Fatalf("list %+v", list)
	}
	for i, want := range []struct {
		serial, warranty string
		price            int64
	}{
		{"5CG1234ABC", "2028-12-31", 1234550},
		{"000123456789", "2028-12-31", 1234550},
		{"123456789012", "", 899000},
	} {
		r := list.Rows[i]
		if r.Serial != want.serial || r.Delivery.WarrantyEnd != want.warranty || r.Delivery.PriceOre != want.price ||
			r.Delivery.Purchased != "2025-12-31" || r.Place.Slot != i+1 || r.Number != i+2 {
			t.Errorf("row %+v, want %+v", r, want)
		}
	}
}

func TestXLSXIsKnownByItsContent(t *testing.T) {
	content := workbook(t, [][]any{{"serial"}, {"ABC123"}}, nil)
	if list := good(t, "liste.csv", content); list.Format != "XLSX" || len(list.Rows) != 1 {
		t.Errorf("named .csv: %+v", list)
	}
	if _, problems := delivery.Parse("liste.XLSX", []byte("serial\nABC123\n"), defaults); len(problems) != 1 {
		t.Errorf("text named .xlsx: %+v", problems)
	}
}

func TestDatesOf1904(t *testing.T) {
	yes := true
	content := workbook(t, [][]any{{"serienummer", "kjøpsdato"}, {"ABC123", 44560}}, func(f *excelize.File) {
		must(t, f.SetWorkbookProps(&excelize.WorkbookPropsOptions{Date1904: &yes}))
	})
	if list := good(t, "mac.xlsx", content); list.Rows[0].Delivery.Purchased != "2025-12-31" {
		t.Errorf("44560 days after 1904 is %s", list.Rows[0].Delivery.Purchased)
	}
	content = workbook(t, [][]any{{"serienummer", "kjøpsdato"}, {"ABC123", 46022}}, nil)
	if list := good(t, "pc.xlsx", content); list.Rows[0].Delivery.Purchased != "2025-12-31" {
		t.Errorf("46022 days after 1900 is %s", list.Rows[0].Delivery.Purchased)
	}
}

func TestSerialNumberThatExcelRounded(t *testing.T) {
	content := workbook(t, [][]any{{"serienummer"}, {1234567890123450000}}, nil)
	if _, problems := delivery.Parse("l.xlsx", content, defaults); len(problems) != 1 || !strings.Contains(problems[0].Text, "avrundet") {
		t.Errorf("problems %+v", problems)
	}
}

func TestTheSheetWithSerialNumbersIsRead(t *testing.T) {
	content := workbook(t, [][]any{{"Leveranse til Nordvik"}, {"Kontakt: se kontrakten"}}, func(f *excelize.File) {
		_, err := f.NewSheet("Maskiner")
		must(t, err)
		must(t, f.SetSheetRow("Maskiner", "A1", &[]any{"Bestilling 4711"}))
		must(t, f.SetSheetRow("Maskiner", "A4", &[]any{"Modell", "Serienummer"}))
		must(t, f.SetSheetRow("Maskiner", "A6", &[]any{"EliteBook", "ABC123"}))
	})
	list := good(t, "l.xlsx", content)
	if len(list.Rows) != 1 || list.Rows[0].Number != 6 || list.Rows[0].Model != "EliteBook" {
		t.Errorf("rows %+v", list.Rows)
	}
}

func TestXLSXProblemsNameTheRow(t *testing.T) {
	content := workbook(t, [][]any{{"serienummer", "kjøpsdato", "pris"}, {"ABC123", 99, 1}, {"ABC123", day, "gratis"}}, nil)
	_, problems := delivery.Parse("l.xlsx", content, defaults)
	if len(problems) != 3 || problems[0].Row != 2 || problems[1].Row != 3 || !strings.Contains(problems[2].Text, "rad 2") {
		t.Errorf("problems %+v", problems)
	}
}

func TestDamagedAndHostileWorkbooks(t *testing.T) {
	whole := workbook(t, [][]any{{"serienummer"}, {"ABC123"}, {"DEF456"}}, nil)
	flipped := bytes.Clone(whole)
	flipped[len(flipped)/3] ^= 0xff
	for name, content := range map[string][]byte{
		"cut in half":       whole[:len(whole)/2],
		"a bit turned":      flipped,
		"archive of a text": archive(t, "hello.txt", []byte("hello")),
		"bomb":              bomb(t),
	} {
		t.Run(name, func(t *testing.T) {
			list, problems := delivery.Parse("l.xlsx", content, defaults)
			if len(problems) != 1 || !strings.Contains(problems[0].Text, "Excel-filen er skadet") || len(list.Rows) != 0 {
				t.Errorf("problems %+v, rows %+v", problems, list.Rows)
			}
		})
	}
	empty := workbook(t, nil, nil)
	if _, problems := delivery.Parse("l.xlsx", empty, defaults); len(problems) != 1 || !strings.Contains(problems[0].Text, "ingen rader") {
		t.Errorf("an empty workbook: %+v", problems)
	}
}

func archive(t *testing.T, name string, content []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	w, err := z.Create(name)
	must(t, err)
	_, err = w.Write(content)
	must(t, err)
	must(t, z.Close())
	return out.Bytes()
}

// bomb is one file of zeros, packed to a thousandth, again and again: more than may be unpacked.
func bomb(t *testing.T) []byte {
	t.Helper()
	const each = 16 << 20
	packed := archive(t, "xl/worksheets/sheet1.xml", make([]byte, each))
	one, err := zip.NewReader(bytes.NewReader(packed), int64(len(packed)))
	must(t, err)
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for range delivery.MaxUnpacked/each + 1 {
		must(t, z.Copy(one.File[0]))
	}
	must(t, z.Close())
	return out.Bytes()
}

func BenchmarkXLSX(b *testing.B) {
	rows := [][]any{{"serienummer", "modell", "kjøpsdato", "pris"}}
	for i := range 1000 {
		rows = append(rows, []any{"S" + strings.Repeat("0", 3) + string(rune('A'+i%26)) + time.Duration(i).String(), "EliteBook", day, 12345.5})
	}
	content := workbook(b, rows, nil)
	for b.Loop() {
		if list, problems := delivery.Parse("l.xlsx", content, defaults); len(list.Rows) != 1000 {
			b.Fatal(problems)
		}
	}
}
