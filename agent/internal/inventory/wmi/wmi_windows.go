// Package wmi asks Windows Management Instrumentation for single values.
//
// Guarantees: COM is opened and closed on one locked thread per query, so it may be called from any goroutine;
// at most maxRows rows are read; a namespace or class that is not there is an error, never a panic.
//
// It costs some milliseconds to connect: callers ask only for what neither the registry nor an ioctl tells.
package wmi

import (
	"errors"
	"fmt"
	"runtime"

	"github.com/go-ole/go-ole"
	"github.com/go-ole/go-ole/oleutil"
)

const maxRows = 256

// Column returns one property of each row that a WQL query gives in a namespace (root\cimv2, say). Values
// are as COM delivers them: string, int32, bool, nil; 64-bit integers are strings.
func Column(namespace, query, property string) (values []any, err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := ole.CoInitializeEx(0, ole.COINIT_MULTITHREADED); err != nil && !isFalse(err) {
		return nil, fmt.Errorf("open com: %w", err)
	}
	defer ole.CoUninitialize()
	services, err := connect(namespace)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", namespace, err)
	}
	defer services.Release()
	rows, err := oleutil.CallMethod(services, "ExecQuery", query)
	if err != nil {
		return nil, fmt.Errorf("query %q: %w", query, err)
	}
	defer func() { _ = rows.Clear() }()
	err = forEach(rows.ToIDispatch(), func(row *ole.IDispatch) error {
		v, err := get(row, property)
		values = append(values, v)
		return err
	})
	if err != nil {
		return values, fmt.Errorf("read %s of %q: %w", property, query, err)
	}
	return values, nil
}

// isFalse tells S_FALSE, which is no failure: COM was open on this thread already, or there are no more rows.
func isFalse(err error) bool {
	var oleErr *ole.OleError
	return errors.As(err, &oleErr) && oleErr.Code() == 1
}

// connect returns SWbemServices of this machine. The server is named ".", for Wine takes no empty one.
func connect(namespace string) (*ole.IDispatch, error) {
	unknown, err := oleutil.CreateObject("WbemScripting.SWbemLocator")
	if err != nil {
		return nil, err
	}
	defer unknown.Release()
	locator, err := unknown.QueryInterface(ole.IID_IDispatch)
	if err != nil {
		return nil, err
	}
	defer locator.Release()
	services, err := oleutil.CallMethod(locator, "ConnectServer", ".", namespace)
	if err != nil {
		return nil, err
	}
	return services.ToIDispatch(), nil
}

// forEach walks a collection through its enumerator.
func forEach(rows *ole.IDispatch, visit func(*ole.IDispatch) error) error {
	property, err := rows.GetProperty("_NewEnum")
	if err != nil {
		return err
	}
	defer func() { _ = property.Clear() }()
	enum, err := property.ToIUnknown().IEnumVARIANT(ole.IID_IEnumVariant)
	if err != nil {
		return err
	}
	defer enum.Release()
	for range maxRows {
		item, n, err := enum.Next(1)
		if isFalse(err) || err == nil && n == 0 {
			return nil
		}
		if err != nil {
			return err
		}
		err = visit(item.ToIDispatch())
		_ = item.Clear()
		if err != nil {
			return err
		}
	}
	return nil
}

// get asks as scripts do, for method or property: Wine answers nothing else, and Windows takes both.
func get(row *ole.IDispatch, property string) (any, error) {
	id, err := row.GetSingleIDOfName(property)
	if err != nil {
		return nil, err
	}
	v, err := row.Invoke(id, ole.DISPATCH_METHOD|ole.DISPATCH_PROPERTYGET)
	if err != nil {
		return nil, err
	}
	defer func() { _ = v.Clear() }()
	return v.Value(), nil
}
