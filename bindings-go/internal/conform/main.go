// Conform runs behaviour vectors through the public API: conform --dir DIR. The format is described
// beside the vectors, in tests/vectors/README.md.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	dir := flag.String("dir", "", "the folder of vectors")
	flag.Parse()
	if *dir == "" {
		fmt.Fprintln(os.Stderr, "usage: conform --dir DIR")
		os.Exit(2)
	}
	passed, failed := 0, 0
	err := filepath.WalkDir(*dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".json") {
			return err
		}
		if err := runFile(path); err != nil {
			failed++
			fmt.Printf("%s: %v\n", path, err)
		} else {
			passed++
		}
		return nil
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	fmt.Printf(`{"lang":"go","passed":%d,"failed":%d,"exempt":0}`+"\n", passed, failed)
	if failed > 0 {
		os.Exit(1)
	}
}

func runFile(path string) (err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var vector table
	if err := json.Unmarshal(text, &vector); err != nil {
		return err
	}
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panic: %v", cause)
		}
	}()
	steps, has := vector["steps"].([]any)
	if !has {
		return configuration(vector)
	}
	w, err := newWorld(vector)
	if err != nil {
		return err
	}
	defer w.stop()
	return w.run(steps)
}
