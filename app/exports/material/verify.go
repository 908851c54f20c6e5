// Checks an export of an audit log with Go's own transparency log packages.
//
// usage: go run verify.go <file with a verifier key>...
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func check(err error, what string) {
	if err != nil {
		log.Fatalf("%s: %v", what, err)
	}
}

func verifiers(files []string) note.Verifiers {
	var known []note.Verifier
	for _, file := range files {
		text, err := os.ReadFile(file)
		check(err, file)
		verifier, err := note.NewVerifier(strings.TrimSpace(string(text)))
		check(err, file)
		known = append(known, verifier)
	}
	return note.VerifierList(known...)
}

// open reads a checkpoint that one of the keys, named like the log, signed.
func open(data []byte, known note.Verifiers, what string) tlog.Tree {
	signed, err := note.Open(data, known)
	check(err, what)
	lines := strings.Split(signed.Text, "\n")
	if len(lines) < 4 || lines[0] != signed.Sigs[0].Name {
		log.Fatalf("%s: not a checkpoint of the key's log", what)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	check(err, what)
	root, err := tlog.ParseHash(lines[2])
	check(err, what)
	return tlog.Tree{N: size, Hash: root}
}

// path is the name of a tile in C2SP tlog-tiles, which has tiles of one height only.
func path(tile tlog.Tile) string {
	name := strings.TrimPrefix(tile.Path(), "tile/8/")
	return "tile/" + strings.Replace(name, "data/", "entries/", 1)
}

type folder struct{}

func (folder) Height() int                     { return 8 }
func (folder) SaveTiles([]tlog.Tile, [][]byte) {}
func (folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var found [][]byte
	for _, tile := range tiles {
		data, err := os.ReadFile(path(tile))
		if err != nil {
			return nil, err
		}
		found = append(found, data)
	}
	return found, nil
}

func entries(data []byte, what string) [][]byte {
	var found [][]byte
	for len(data) > 0 {
		if len(data) < 2 || len(data) < 2+int(binary.BigEndian.Uint16(data)) {
			log.Fatalf("%s: cut short", what)
		}
		end := 2 + int(binary.BigEndian.Uint16(data))
		found = append(found, data[2:end])
		data = data[end:]
	}
	return found
}

// edge grows a tree by its right edge: the roots of perfect subtrees, largest first.
type edge struct {
	size  int64
	nodes []tlog.Hash
}

func (e *edge) add(leaf tlog.Hash) {
	for size := e.size; size&1 == 1; size >>= 1 {
		leaf = tlog.NodeHash(e.nodes[len(e.nodes)-1], leaf)
		e.nodes = e.nodes[:len(e.nodes)-1]
	}
	e.nodes = append(e.nodes, leaf)
	e.size++
}

func (e *edge) root() tlog.Hash {
	root := e.nodes[len(e.nodes)-1]
	for at := len(e.nodes) - 2; at >= 0; at-- {
		root = tlog.NodeHash(e.nodes[at], root)
	}
	return root
}

// leaves checks that every entry hashes to its leaf in a tile that leads to the signed root.
func leaves(tree tlog.Tree, reader tlog.HashReader) {
	var grown edge
	for first := int64(0); first < tree.N; first += 256 {
		width := min(256, tree.N-first)
		name := path(tlog.Tile{H: 8, L: -1, N: first / 256, W: int(width)})
		data, err := os.ReadFile(name)
		check(err, name)
		found := entries(data, name)
		if int64(len(found)) != width {
			log.Fatalf("%s: expected %d entries, found %d", name, width, len(found))
		}
		stored := hashes(reader, 0, first, width)
		for nth, entry := range found {
			leaf := tlog.RecordHash(entry)
			if leaf != stored[nth] {
				log.Fatalf("%s: record %d has another hash than its leaf", name, first+int64(nth))
			}
			grown.add(leaf)
		}
	}
	if grown.root() != tree.Hash {
		log.Fatal("the entries do not lead to the signed root")
	}
}

// hashes reads hashes of a level of tiles; the reader checks each tile against the signed root.
func hashes(reader tlog.HashReader, level int, first, width int64) []tlog.Hash {
	var indexes []int64
	for place := first; place < first+width; place++ {
		indexes = append(indexes, tlog.StoredHashIndex(8*level, place))
	}
	found, err := reader.ReadHashes(indexes)
	check(err, fmt.Sprintf("tiles of level %d", level))
	return found
}

func min(a, b int64) int64 {
	if a < b {
		return a
	}
	return b
}

// proofs makes proofs out of the tiles and checks them as somebody would who has the proofs only.
func proofs(tree tlog.Tree, reader tlog.HashReader) {
	for _, seq := range []int64{0, tree.N / 3, tree.N / 2, tree.N - 1} {
		proof, err := tlog.ProveRecord(tree.N, seq, reader)
		check(err, "inclusion proof")
		check(tlog.CheckRecord(proof, tree.N, tree.Hash, seq, hashes(reader, 0, seq, 1)[0]), "inclusion proof")
	}
}

// lines reads a proof: a first line, one base64 hash per line, an empty line, and what is under it.
func lines(name string) (string, []tlog.Hash, []byte) {
	data, err := os.ReadFile(name)
	check(err, name)
	head, under, found := bytes.Cut(data, []byte("\n\n"))
	if !found {
		log.Fatalf("%s: no empty line", name)
	}
	all := strings.Split(string(head), "\n")
	var proof []tlog.Hash
	for _, line := range all[1:] {
		if strings.HasPrefix(line, "index ") {
			all[0] += "\n" + line
			continue
		}
		raw, err := base64.StdEncoding.Strict().DecodeString(line)
		if err != nil || len(raw) != tlog.HashSize {
			log.Fatalf("%s: expected hashes, found %q", name, line)
		}
		proof = append(proof, tlog.Hash(*(*[tlog.HashSize]byte)(raw)))
	}
	return all[0], proof, under
}

func earlier(tree tlog.Tree, known note.Verifiers) int {
	names, err := filepath.Glob("consistency/*.checkpoint")
	check(err, "consistency")
	for _, name := range names {
		data, err := os.ReadFile(name)
		check(err, name)
		old := open(data, known, name)
		file := strings.TrimSuffix(name, ".checkpoint")
		head, proof, under := lines(file)
		if new := open(under, known, file); new != tree || head != fmt.Sprintf("old %d", old.N) {
			log.Fatalf("%s: a proof of something else", file)
		}
		check(tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash), file)
	}
	return len(names)
}

func selection(tree tlog.Tree, known note.Verifiers) {
	names, err := filepath.Glob("records/*.json")
	check(err, "records")
	for _, name := range names {
		record, err := os.ReadFile(name)
		check(err, name)
		file := strings.TrimSuffix(name, ".json")
		head, proof, under := lines(file + ".tlog-proof")
		seq, err := strconv.ParseInt(strings.TrimPrefix(head, "c2sp.org/tlog-proof@v1\nindex "), 10, 64)
		check(err, file)
		if open(under, known, file) != tree || file != fmt.Sprintf("records/%d", seq) {
			log.Fatalf("%s: a proof of something else", file)
		}
		check(tlog.CheckRecord(proof, tree.N, tree.Hash, seq, tlog.RecordHash(record)), name)
	}
	fmt.Printf("%d records are in the signed log of %d.\n", len(names), tree.N)
}

func main() {
	log.SetFlags(0)
	known := verifiers(os.Args[1:])
	signed, err := os.ReadFile("checkpoint")
	check(err, "checkpoint")
	tree := open(signed, known, "checkpoint")
	if _, err := os.Stat("tile"); err != nil {
		selection(tree, known)
		return
	}
	reader := tlog.TileHashReader(tree, folder{})
	leaves(tree, reader)
	for level := 1; tree.N>>(8*level) > 0; level++ {
		for first := int64(0); first < tree.N>>(8*level); first += 256 {
			hashes(reader, level, first, min(256, tree.N>>(8*level)-first))
		}
	}
	proofs(tree, reader)
	fmt.Printf("%d records lead to the signed root; %d earlier checkpoints are its beginnings.\n",
		tree.N, earlier(tree, known))
}
