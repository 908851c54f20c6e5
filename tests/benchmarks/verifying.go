// Checks a whole log with Go's own transparency log packages, and prints the milliseconds of each run.
//
// usage: verifying <entries> <checkpoint> <verifier key> <runs>
//
// <entries> is a file of records, each after its length in two big-endian bytes.
package main

import (
	"encoding/binary"
	"fmt"
	"log"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

type hashes []tlog.Hash

func (stored hashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	found := make([]tlog.Hash, len(indexes))
	for nth, index := range indexes {
		found[nth] = stored[index]
	}
	return found, nil
}

func verify(entries, checkpoint, key string) {
	data, err := os.ReadFile(entries)
	check(err)
	signed, err := os.ReadFile(checkpoint)
	check(err)
	verifier, err := note.NewVerifier(key)
	check(err)
	opened, err := note.Open(signed, note.VerifierList(verifier))
	check(err)
	var stored hashes
	var size int64
	for len(data) > 0 {
		end := 2 + int(binary.BigEndian.Uint16(data))
		more, err := tlog.StoredHashesForRecordHash(size, tlog.RecordHash(data[2:end]), stored)
		check(err)
		stored = append(stored, more...)
		data = data[end:]
		size++
	}
	root, err := tlog.TreeHash(size, stored)
	check(err)
	lines := strings.Split(opened.Text, "\n")
	if lines[1] != strconv.FormatInt(size, 10) || lines[2] != root.String() {
		log.Fatalf("expected size %s and root %s, found %d and %s", lines[1], lines[2], size, root)
	}
}

func main() {
	runs, err := strconv.Atoi(os.Args[4])
	check(err)
	for ; runs > 0; runs-- {
		started := time.Now()
		verify(os.Args[1], os.Args[2], os.Args[3])
		fmt.Println(float64(time.Since(started).Microseconds()) / 1000)
	}
}
