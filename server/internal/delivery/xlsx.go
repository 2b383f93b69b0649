package delivery

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"

	"github.com/xuri/excelize/v2"
)

// readXLSX reads the first sheet with a column for serial numbers, or else the first that is not empty.
// Numbers and dates come as Excel keeps them (ECMA-376 part 1, 18.3.1.96), not as they are displayed.
func readXLSX(content []byte, found *problems) (t table) {
	t.format = "XLSX"
	// The library is written for files from Excel; for a crafted one, a panic in it is this file's problem.
	defer func() {
		if recover() != nil {
			notExcel(found)
		}
	}()
	if err := checkArchive(content); err != nil {
		notExcel(found)
		return t
	}
	book, err := excelize.OpenReader(bytes.NewReader(content), excelize.Options{
		RawCellValue:   true,
		UnzipSizeLimit: MaxUnpacked,
		// Equal limits: what does not fit in memory is refused and never put in a temporary file.
		UnzipXMLSizeLimit: MaxUnpacked,
	})
	if err != nil {
		notExcel(found)
		return t
	}
	defer book.Close() // there is no file behind it
	if err := chooseSheet(book, &t, found); err != nil {
		notExcel(found)
	}
	return t
}

func chooseSheet(book *excelize.File, t *table, found *problems) error {
	t.serials = serialDates(book)
	for _, name := range book.GetSheetList() {
		sheet, own := table{format: t.format, serials: t.serials}, problems{}
		if err := readSheet(book, name, &sheet, &own); err != nil {
			return err
		}
		header, _ := sheet.header()
		if header.has(fieldSerial) || len(t.lines) == 0 {
			*t, *found = sheet, own
		}
		if header.has(fieldSerial) {
			return nil
		}
	}
	return nil
}

func notExcel(found *problems) {
	found.file("Excel-filen er skadet, for stor eller laget av et annet program: åpne den i Excel og lagre den på nytt som .xlsx",
		"the Excel file is damaged, too large or made by another program: open it in Excel and save it again as .xlsx")
}

// checkArchive unpacks all once to nowhere, since the library takes a part that ends early for a whole one.
func checkArchive(content []byte) error {
	archive, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return fmt.Errorf("open archive: %w", err)
	}
	left := int64(MaxUnpacked)
	for _, f := range archive.File {
		n, err := unpack(f, left)
		if err != nil {
			return fmt.Errorf("unpack %.60q: %w", f.Name, err)
		}
		left -= n
	}
	return nil
}

func unpack(f *zip.File, limit int64) (int64, error) {
	r, err := f.Open()
	if err != nil {
		return 0, err
	}
	defer r.Close() // nothing was written
	n, err := io.Copy(io.Discard, io.LimitReader(r, limit+1))
	if err == nil && n > limit {
		err = fmt.Errorf("more than %d bytes in all", int64(MaxUnpacked))
	}
	return n, err
}

func readSheet(book *excelize.File, name string, t *table, found *problems) error {
	rows, err := book.Rows(name)
	if err != nil {
		return fmt.Errorf("open sheet: %w", err)
	}
	defer rows.Close() // read from memory
	for number := 1; rows.Next(); number++ {
		cells, err := rows.Columns()
		if err != nil {
			return fmt.Errorf("row %d: %w", number, err)
		}
		if !t.add(number, cells, found) || found.full() {
			return nil
		}
	}
	return rows.Error()
}

// serialDates counts days from the beginning of 1900, or of 1904 in workbooks that once were made on a Mac.
func serialDates(book *excelize.File) func(float64) (string, bool) {
	props, err := book.GetWorkbookProps()
	from1904 := err == nil && props.Date1904 != nil && *props.Date1904
	return func(days float64) (string, bool) {
		if !(days >= 0 && days < 200_000) {
			return "", false
		}
		t, err := excelize.ExcelDateToTime(days, from1904)
		return t.Format(isoDate), err == nil
	}
}
