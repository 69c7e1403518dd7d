package seawall

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"
	"time"
)

// inGo are options that Go keeps to itself: a fallback's value has a type that only Go knows.
var inGo = []string{"fallback.value"}

// Every option of the core's list has a field in Config, and reaches the core under its own name.
func TestEveryOptionHasAField(t *testing.T) {
	var config Config
	fill(reflect.ValueOf(&config).Elem())
	config.JSON, config.Without = "", nil
	text, err := config.document()
	if err != nil {
		t.Fatal(err)
	}
	var document map[string]any
	if err := json.Unmarshal([]byte(text), &document); err != nil {
		t.Fatal(err)
	}
	said := map[string]bool{}
	collect(document, "", said)
	for _, option := range generatedOptions {
		if !said[option] && !slices.Contains(inGo, option) {
			t.Errorf("no field of Config says %s", option)
		}
	}
	for option := range said {
		if !slices.Contains(generatedOptions, option) && !slices.Contains([]string{"cost.limits.failure", "cost.limits.timeout", "cost.limits.throttled", "cost.limits.hedge"}, option) {
			t.Errorf("Config says %s, which is no option", option)
		}
	}
}

// fill gives every field a value that is not zero; maps get the keys that options of that shape know.
func fill(value reflect.Value) {
	switch value.Kind() {
	case reflect.Struct:
		for i := range value.NumField() {
			if value.Type().Field(i).IsExported() {
				fill(value.Field(i))
			}
		}
	case reflect.Pointer:
		value.Set(reflect.New(value.Type().Elem()))
		fill(value.Elem())
	case reflect.Slice:
		value.Set(reflect.MakeSlice(value.Type(), 1, 1))
		fill(value.Index(0))
	case reflect.Map:
		value.Set(reflect.MakeMap(value.Type()))
		for _, key := range []string{"failure", "timeout", "throttled", "hedge"} {
			entry := reflect.New(value.Type().Elem()).Elem()
			if entry.Kind() == reflect.Struct && key == "hedge" {
				continue // a hedge has a cost and no delay
			}
			fill(entry)
			value.SetMapIndex(reflect.ValueOf(key), entry)
		}
	case reflect.String:
		value.SetString("x")
	case reflect.Bool:
		value.SetBool(true)
	case reflect.Float64:
		value.SetFloat(0.5)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		value.SetUint(1)
	case reflect.Int, reflect.Int32, reflect.Int64:
		if value.Type() == reflect.TypeFor[time.Duration]() {
			value.SetInt(int64(time.Second))
		} else {
			value.SetInt(1)
		}
	}
}

func collect(value any, path string, said map[string]bool) {
	switch value := value.(type) {
	case map[string]any:
		for key, inner := range value {
			inside := key
			if path != "" {
				inside = path + "." + key
			}
			said[inside] = true
			collect(inner, inside, said)
		}
	case []any:
		for _, inner := range value {
			collect(inner, path, said)
		}
	}
}
