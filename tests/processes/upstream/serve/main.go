// Serve is the upstream of the tests for runs by hand: go run ./upstream/serve
//
// It prints where it listens. Each line of its input is the status that it answers with from then on
// (500, then 200), and it prints how many requests came since the line before, and from how many senders.
package main

import (
	"bufio"
	"fmt"
	"log"
	"os"
	"strconv"
	"strings"

	"seawall.dev/processes/upstream"
)

func main() {
	up, err := upstream.Start()
	if err != nil {
		log.Fatal(err)
	}
	defer up.Close()
	fmt.Println("export UPSTREAM=" + up.URL)
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		status, err := strconv.Atoi(strings.TrimSpace(lines.Text()))
		if err != nil || status < 200 || status > 599 {
			fmt.Println("a status, 200 to 599")
			continue
		}
		all, by := up.Count()
		up.Reset()
		up.Answer(status, 0)
		fmt.Printf("%d requests of %d senders; %d from now on\n", all, len(by), status)
	}
}
