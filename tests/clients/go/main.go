// Reads rows with go-mssqldb. Each line of standard input is a request
//
//	{"host", "port", "user", "password", "database", "sql"}
//
// and gives one line a row, an array of cells, then {"rows": n} or {"error": "…"}. A cell is null or
// {"type", "value"}; values are exact: int and decimal as digits, float as the 16 hex digits of its bits, bytes in
// hex, text as hex of UTF-16LE, dates and times as text with seven digits.
package main

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"os"
	"strconv"
	"time"
	"unicode/utf16"

	mssql "github.com/microsoft/go-mssqldb"
)

const (
	dateLayout    = "2006-01-02"
	timeLayout    = "15:04:05.0000000"
	requestLimit  = 60 * time.Second
	requestMemory = 64 << 20 // bytes of one request
)

type request struct {
	Host, User, Password, Database, SQL string
	Port                                int
}

type cell struct {
	Type  string `json:"type"`
	Value any    `json:"value"`
}

func main() {
	out := bufio.NewWriter(os.Stdout)
	encoder := json.NewEncoder(out)
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, requestMemory)
	for lines.Scan() {
		rows, err := answer(lines.Bytes(), encoder)
		var last any = map[string]int{"rows": rows}
		if err != nil {
			last = map[string]string{"error": err.Error()}
		}
		if encoder.Encode(last) != nil || out.Flush() != nil {
			os.Exit(1)
		}
	}
}

// answer gives the number of rows. go-mssqldb panics at columns that it does not know.
func answer(line []byte, encoder *json.Encoder) (count int, err error) {
	defer func() {
		if what := recover(); what != nil {
			err = fmt.Errorf("panic: %v", what)
		}
	}()
	var asked request
	if err := json.Unmarshal(line, &asked); err != nil {
		return 0, err
	}
	address := url.URL{
		Scheme:   "sqlserver",
		User:     url.UserPassword(asked.User, asked.Password),
		Host:     asked.Host + ":" + strconv.Itoa(asked.Port),
		RawQuery: url.Values{"database": {asked.Database}, "encrypt": {"disable"}}.Encode(),
	}
	db, err := sql.Open("sqlserver", address.String())
	if err != nil {
		return 0, err
	}
	defer db.Close()
	ctx, cancel := context.WithTimeout(context.Background(), requestLimit)
	defer cancel()
	rows, err := db.QueryContext(ctx, asked.SQL)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	return write(rows, encoder)
}

func write(rows *sql.Rows, encoder *json.Encoder) (int, error) {
	types, err := rows.ColumnTypes()
	if err != nil {
		return 0, err
	}
	values, places := make([]any, len(types)), make([]any, len(types))
	for i := range values {
		places[i] = &values[i]
	}
	count := 0
	for ; rows.Next(); count++ {
		if err := rows.Scan(places...); err != nil {
			return count, err
		}
		cells := make([]*cell, len(types))
		for i, value := range values {
			if cells[i], err = cellOf(value, types[i].DatabaseTypeName()); err != nil {
				return count, err
			}
		}
		if err := encoder.Encode(cells); err != nil {
			return count, err
		}
	}
	return count, rows.Err()
}

// cellOf knows a sql_variant by its Go type alone: there decimals, money and guids are bytes.
func cellOf(value any, name string) (*cell, error) {
	switch v := value.(type) {
	case nil:
		return nil, nil
	case bool:
		return &cell{"bool", v}, nil
	case int64:
		return &cell{"int", strconv.FormatInt(v, 10)}, nil
	case float64:
		return &cell{"float", fmt.Sprintf("%016x", math.Float64bits(v))}, nil
	case string:
		return &cell{"text", hexOfText(v)}, nil
	case time.Time:
		return timeCell(v, name), nil
	case []byte:
		return bytesCell(v, name)
	}
	return nil, fmt.Errorf("no cell for %T of a %s column", value, name)
}

func timeCell(v time.Time, name string) *cell {
	switch {
	case name == "DATE":
		return &cell{"date", v.Format(dateLayout)}
	case name == "TIME":
		return &cell{"time", v.Format(timeLayout)}
	case name == "DATETIMEOFFSET" || v.Location() != time.UTC:
		return &cell{"datetimeoffset", v.Format(dateLayout + " " + timeLayout + " -07:00")}
	}
	return &cell{"datetime", v.Format(dateLayout + " " + timeLayout)}
}

func bytesCell(v []byte, name string) (*cell, error) {
	switch name {
	case "DECIMAL", "NUMERIC", "MONEY", "SMALLMONEY":
		return &cell{"decimal", string(v)}, nil
	case "UNIQUEIDENTIFIER":
		var guid mssql.UniqueIdentifier
		if err := guid.Scan(v); err != nil {
			return nil, err
		}
		return &cell{"guid", guid.String()}, nil
	}
	return &cell{"bytes", hex.EncodeToString(v)}, nil
}

func hexOfText(text string) string {
	units := utf16.Encode([]rune(text))
	data := make([]byte, 0, 2*len(units))
	for _, unit := range units {
		data = binary.LittleEndian.AppendUint16(data, unit)
	}
	return hex.EncodeToString(data)
}
