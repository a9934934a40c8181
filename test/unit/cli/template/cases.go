// Writes what Go's own text/template, with docker's functions, makes of the templates below:
//
//	go run test/unit/cli/template/cases.go >test/unit/cli/template/cases.json
//
// The tests compare ours with that file; Go is not needed to run them.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"text/template"
)

type port struct {
	IP   string
	Port int
}

type row struct {
	ID      string
	Name    string
	Empty   string
	Size    int
	Ratio   float64
	Running bool
	Names   []string
	None    []string
	Labels  map[string]string
	NoMap   map[string]string
	Counts  map[string]int
	Ports   []port
	Config  *config
	Absent  *config
	Any     any
	Nested  map[string]any
}

type config struct {
	User string
	Env  []string
}

func (row) Label(name string) string { return "label:" + name }
func (row) Title() string            { return "The Title" }

var data = row{
	ID: "0123456789ab", Name: "web <&> é", Size: 42, Ratio: 2.5, Running: true,
	Names:  []string{"a", "b", "c"},
	Labels: map[string]string{"b": "2", "a": "1", "with.dot": "3"},
	Counts: map[string]int{"x": 1},
	Ports:  []port{{"0.0.0.0", 80}, {"::", 443}},
	Config: &config{User: "root", Env: []string{"A=1", "B=2"}},
	Nested: map[string]any{"list": []any{"x", "y"}, "map": map[string]any{"k": "v"}, "nil": nil, "n": 1},
}

var functions = template.FuncMap{
	"json": func(value any) string {
		buffer := &bytes.Buffer{}
		encoder := json.NewEncoder(buffer)
		encoder.SetEscapeHTML(false)
		_ = encoder.Encode(value)
		return strings.TrimSpace(buffer.String())
	},
	"split":    strings.Split,
	"join":     strings.Join,
	"title":    strings.Title,
	"lower":    strings.ToLower,
	"upper":    strings.ToUpper,
	"pad": func(source string, prefix, suffix int) string {
		if source == "" {
			return source
		}
		return strings.Repeat(" ", prefix) + source + strings.Repeat(" ", suffix)
	},
	"truncate": func(source string, limit int) string {
		if len(source) < limit {
			return source
		}
		return source[:limit]
	},
}

var templates = []string{
	// Fields, methods, literals.
	`{{.ID}}`, `{{ .ID }}`, `a{{.ID}}b`, `{{.}}`[:0] + `plain`, ``, `{{.Config.User}}`, `{{.Label "x"}}`, `{{.Title}}`,
	`{{"text"}} {{42}} {{-7}} {{0x1F}} {{1.5}} {{1.0}} {{1e3}} {{'a'}} {{true}} {{false}}`, "{{`raw\\n`}}", `{{"a\tb\x41\u00e9\101"}}`,
	`{{1e21}} {{1e20}} {{1e-5}} {{0.0001}} {{123456789.125}}`, `{{0b101}} {{0o17}} {{017}} {{1_000}}`,
	// Printing.
	`{{.Names}}`, `{{.None}}`, `{{.Labels}}`, `{{.NoMap}}`, `{{.Counts}}`, `{{.Ports}}`, `{{.Absent}}`, `{{.Any}}`, `{{.Nested}}`, `{{.Running}}`, `{{.Ratio}}`,
	`{{.Labels.a}}|{{.Labels.nope}}|{{.NoMap.nope}}|{{.Nested.nope}}`, `{{.Nested.map.k}}`, `{{.Nested.nope.deeper}}`, `{{.Nested.nil}}`,
	// Trimming and comments.
	"a  {{- 1 -}}  b", "a\n{{- /* c */ -}}\nb", "a {{/* comment */}} b", "{{- \"x\"}} y", "x {{.ID -}} y", "{{ \n.ID\n }}", "{{-1}}", "{{1 -}} a",
	// Variables.
	`{{$x := .ID}}{{$x}}`, `{{$x := 1}}{{$x = 2}}{{$x}}`, `{{$x := .}}{{$x.Config.User}}`, `{{$.ID}}`, `{{$x := 1}}{{if true}}{{$x = 3}}{{$x := 4}}{{end}}{{$x}}`,
	`{{with $x := .Name}}{{$x}}{{end}}`, `{{$x := .Labels}}{{$x.a}}`,
	// If, with, range.
	`{{if .Running}}yes{{else}}no{{end}}`, `{{if .Empty}}yes{{else}}no{{end}}`, `{{if .Empty}}a{{else if .Size}}b{{else}}c{{end}}`,
	`{{if .Empty}}a{{else if .None}}b{{else if .NoMap}}d{{else}}c{{end}}`, `{{if not .Running}}a{{end}}`, `{{if .Absent}}a{{else}}b{{end}}`, `{{if .Any}}a{{else}}b{{end}}`,
	`{{if 0}}a{{else}}b{{end}}`, `{{if .Config}}a{{end}}`, `{{if .Labels.nope}}a{{else}}b{{end}}`, `{{if .Ratio}}r{{end}}`, `{{if (and .Running .Size)}}a{{end}}`,
	`{{with .Config}}{{.User}} {{$.ID}}{{end}}`, `{{with .Absent}}{{.User}}{{else}}none{{end}}`, `{{with .Empty}}a{{else with .ID}}{{.}}{{else}}c{{end}}`,
	`{{range .Names}}[{{.}}]{{end}}`, `{{range $i, $e := .Names}}{{$i}}={{$e}} {{end}}`, `{{range $e := .Names}}{{$e}}{{end}}`, `{{range $k, $v := .Labels}}{{$k}}={{$v}};{{end}}`,
	`{{range .None}}x{{else}}none{{end}}`, `{{range .NoMap}}x{{else}}none{{end}}`, `{{range .Ports}}{{.IP}}:{{.Port}} {{end}}`, `{{range 3}}{{.}}{{end}}`, `{{range $i := 2}}{{$i}}{{end}}`,
	`{{range .Names}}{{if eq . "b"}}{{break}}{{end}}{{.}}{{end}}`, `{{range .Names}}{{if eq . "b"}}{{continue}}{{end}}{{.}}{{end}}`,
	`{{range $i, $e := .Names}}{{if $i}}, {{end}}{{$e}}{{end}}`, `{{range .Config.Env}}{{println .}}{{end}}`, `{{range .Nested.nope}}x{{else}}none{{end}}`, `{{range .Any}}x{{else}}none{{end}}`,
	`{{$l := ""}}{{range .Names}}{{$l = .}}{{end}}{{$l}}`,
	// Pipelines and functions.
	`{{.ID | printf "%s-%s" "a"}}`, `{{.Name | upper | lower}}`, `{{"x" | .Label}}`, `{{(index .Ports 1).Port}}`, `{{(.Label "x") | len}}`, `{{index .Names 1}}`, `{{index .Labels "a"}}`,
	`{{index .Labels "nope"}}|`, `{{index .Nested "map" "k"}}`, `{{index .Counts "nope"}}`, `{{index .NoMap "x"}}|`, `{{index "abc" 1}}`, `{{index .Labels "with.dot"}}`, `{{len .Names}} {{len .Labels}} {{len .Name}} {{len .None}}`,
	`{{slice .ID 2 5}}`, `{{slice .ID 2}}`, `{{slice .Names 1}}`, `{{slice .Names 0 1 2}}`, `{{print 1 2 "a" "b" 3 4}}`, `{{print "a" 1}}`, `{{println "a" 1}}`, `{{print}}`, `{{print .Names .Labels}}`,
	`{{html "<a href='x'>&\""}}`, `{{js "it's <\"x\"> & = \n é"}}`, `{{urlquery "a b&c=d/é!*"}}`, `{{html 1 2}}`, `{{not 0}} {{not 1}}`,
	`{{and 1 0 2}} {{and 1 2}} {{or 0 "" "x"}} {{or 0 ""}}|`, `{{and .Absent .Absent.User}}`, `{{or .Running .Nope}}`, `{{.Running | and .Size}}`, `{{0 | or 0}}`,
	`{{eq 1 1}} {{eq 1 2}} {{eq "a" "b" "a"}} {{ne 1 2}} {{lt 1 2}} {{le 2 2}} {{gt 1 2}} {{ge 2 2}} {{lt "a" "b"}} {{eq 1.5 1.5}} {{eq true true}}`,
	`{{eq .Size 42}} {{gt .Size 41}} {{eq .Labels.nope "x"}} {{eq .Any nil}} {{ne .Labels.a "1"}}`, `{{eq .Name "web <&> é"}}`, `{{.ID | eq "0123456789ab"}}`,
	// docker's functions.
	`{{json .Names}}`, `{{json .Labels}}`, `{{json .Config}}`, `{{json .Name}}`, `{{json .}}`[:0] + `{{json .Ports}}`, `{{json .None}} {{json .NoMap}} {{json .Absent}} {{json .Any}} {{json .Size}} {{json .Ratio}} {{json .Running}}`,
	`{{json "\u2028 \u0001 \x7f \" \\ / \b\f\n"}}`, `{{json .Nested}}`, `{{join .Names ","}}`, `{{join .None ","}}|`, `{{split "a,b,c" ","}}`, `{{split "abc" ""}}`, `{{join (split "a b" " ") "-"}}`, `{{lower "ABC É"}} {{upper "abc é"}} {{title "hello wOrld_x it's 1st-class"}}`,
	`{{pad "a" 1 2}}|{{pad "" 1 2}}|`, `{{truncate .ID 4}} {{truncate "ab" 4}}`,
	// printf.
	`{{printf "%s %d %v %t %q %x %X" "a" 1 true false "q\n" "hex" 255}}`, `{{printf "%5s|%-5s|%05d|%+d|% d|%5d|%-5d|" "ab" "ab" 42 42 42 42 42}}`, `{{printf "%.2f %6.2f %f %e %g %G %.3g %08.3f" 3.14159 2.5 1.5 12345.678 1e-7 1e30 1234.5678 3.14159}}`,
	`{{printf "%x %#x %o %#o %b %c %U %q" 255 255 8 8 5 65 8984 65}}`, `{{printf "%x|% x|%#x|%X" "héy" "hi" "hi" "hi"}}`, `{{printf "%v %+v" .Ports .Ports}}`, `{{printf "%v %s %d" .Names .Names .Names}}`, `{{printf "%s" .Labels}} {{printf "%q" .Names}}`,
	`{{printf "%d" "s"}} {{printf "%s" 1}} {{printf "%z" 1}} {{printf "%d"}} {{printf "%d %d" 1}} {{printf "a" 1 "b"}} {{printf "%!"}} {{printf "%"}}`, `{{printf "%[2]d %[1]d" 1 2}} {{printf "%*d|%-*d|" 5 1 5 2}} {{printf "%.*f" 2 1.239}} {{printf "%[3]d" 1}}`,
	`{{printf "%t %t" true 1}} {{printf "%s" true}} {{printf "%d" 1.5}} {{printf "%f" 1}} {{printf "%v" nil}} {{printf "%s" nil}} {{printf "%d" nil}}`, `{{printf "%T %T %T %T %T" 1 1.5 "a" true nil}}`, `{{printf "%.3s|%.10s|%5.1s|" "abcdef" "abc" "xyz"}}`, `{{printf "%05s|%-05d|%+.1f|%+q" "ab" 7 1.25 "é"}}`,
	`{{printf "%v %v %v %v" 100000.0 1000000000000000000000.0 0.00001 123.456}}`, `{{printf "%6.2f%%" 12.345}}`, `{{printf "%v" .Config}}`, `{{printf "%s" .Absent}} {{printf "%v" .Absent}}`, `{{printf "%3c|%-3c|" 65 66}}`, `{{printf "%#v %#q" "a" "b"}}`, `{{printf "%08b %3d%%" 5 7}}`,
	`{{printf "%5t|%-7t|" true false}} {{printf "%5v|" .Names}} {{printf "%03d" -5}} {{printf "%+v" .Nested}}`, `{{printf "%g %g %g" 100000.0 1e21 1e20}} {{printf "%.0f %.1e" 2.5 15.0}}`,
	// Templates by name.
	`{{define "row"}}[{{.}}]{{end}}{{range .Names}}{{template "row" .}}{{end}}`, `{{template "later" .ID}}{{define "later"}}{{.}}{{end}}`, `{{define "a"}}{{.}}|{{.X}}{{end}}{{template "a"}}`,
	`{{block "b" .Config}}{{.User}}{{end}} {{template "b" .Config}}`, `{{$x := 1}}{{define "a"}}{{$}}{{end}}{{template "a" $x}}`, `{{$x := 1}}{{template "a" $y := .ID}}{{$y}}{{define "a"}}<{{.}}>{{end}}`, "{{define `raw`}}r{{end}}{{template `raw`}}{{template \"raw\"}}",
	`{{define "n"}}{{if gt . 0}}{{.}},{{template "n" (len (slice "abcdefgh" 0 (len "abc")))}}{{end}}{{end}}`, `{{define "e"}}{{end}}{{define "e"}}full{{end}}{{template "e"}}`, `{{define "e"}}full{{end}}{{define "e"}} {{end}}{{template "e"}}`, `a{{define "x"}}y{{end}}`, " {{- define \"x\" -}} y {{- end -}} {{template \"x\"}}",
	`{{define "a"}}1{{block "b" .}}2{{end}}{{end}}{{template "a"}}{{template "b"}}`, `{{range .Names}}{{block "c" .}}{{.}}{{end}}{{end}}`, `{{with .Config}}{{template "u" .}}{{end}}{{define "u"}}{{.User}}{{end}}`,
	`{{define "a"}}x`, `{{define a}}{{end}}`, `{{define}}{{end}}`, `{{define "a" .}}{{end}}`, `{{define "a"}}x{{else}}y{{end}}`, `{{if .ID}}{{define "a"}}{{end}}{{end}}`, `{{define "a"}}x{{end}}{{define "a"}}y{{end}}`, `{{template}}`, `{{template .ID}}`, `{{template "a" | }}`, `{{block "a"}}{{end}}`, `{{block "a" .}}x{{else}}{{end}}`, `{{block "a" .}}x`, `{{$x := 1}}{{define "a"}}{{$x}}{{end}}`, `{{$x := 1}}{{block "a" .}}{{$x}}{{end}}`, `{{range .Names}}{{block "a" .}}{{break}}{{end}}{{end}}`, `{{define "a"}}{{end}}{{end}}`, `{{define "a\qb"}}{{end}}`, `{{define "a"}}{{foo}}{{end}}`, `{{print template}}`, `{{define "a"}}{{define "b"}}{{end}}{{end}}`,
	`{{template "nope"}}`, `a{{template "nope" .Config.User}}`, `{{define "a"}}{{.Nope}}{{end}}{{template "a" .}}`, `{{define "a"}}{{template "b" .}}{{end}}{{define "b"}}{{.ID.X}}{{end}}{{template "a" .}}`, `{{template "a" .Nope}}{{define "a"}}{{end}}`, `{{define "a"}}{{end}}{{template "a" .}}{{.Nope}}`,
	// Failures to parse.
	`{{.ID`, `{{.ID}`, `{{foo}}`, `{{if}}`, `{{.ID}}{{end}}`, `{{range .Names}}`, `{{$x}}`, `{{"a}}`, "{{`a}}", `{{'a}}`, `{{''}}`, `{{1 | 2}}`, `{{"a\qb"}}`, `{{break}}`, `{{continue}}`, `{{else}}`, `{{.ID | foo}}`, `{{.ID |}}`, `{{|}}`, `{{}}`, `{{( .ID}}`, `{{.ID)}}`,
	`{{1x}}`, `{{@}}`, `{{.ID!}}`, `{{/* c}}`, `{{/* c */ .ID}}`, `{{if .ID}}a{{else}}b{{else}}c{{end}}`, `{{with .ID}}a{{else if .ID}}b{{end}}`, `{{range .Names}}a{{else if .ID}}b{{end}}`, `{{"a".b}}`, `{{..ID}}`, `{{nil.x}}`, `{{$x, $y := .Names}}`, `{{range $a, $b, $c := .Names}}{{end}}`, `{{.ID:}}`, `{{:}}`, `{{end}}`, "a\n{{foo}}", `{{"a"b}}`, `{{.ID"x"}}`, `{{if .ID}}`, `{{()}}`, `{{1.2.3}}`, `{{.1x}}`, `{{$x = 1}}`, `{{if else}}`, `{{range}}{{end}}`, `{{.ID ,}}`, `{{print (1 | 2)}}`,
	// Failures to execute.
	`{{.Nope}}`, `{{.Config.Nope}}`, `{{.ID.Nope}}`, `{{.Absent.User}}`, `{{.Any.X}}`, `{{.Label}}`, `{{.Label 1}}`, `{{.Label "a" "b"}}`, `{{.ID "x"}}`, `{{"x" | .ID}}`, `{{nil}}`, `{{lower 3}}`, `{{lower}}`, `{{lower .Size}}`, `{{lower "a" "b"}}`, `{{join .ID ","}}`, `{{join "a" ","}}`, `{{join .Size ","}}`,
	`{{index .Names 9}}`, `{{index .Names -1}}`, `{{index .Names "x"}}`, `{{index .Labels 1}}`, `{{index 1 1}}`, `{{index nil 1}}`, `{{index .Absent 1}}`, `{{len 3}}`, `{{eq 1 "a"}}`, `{{eq 1}}`, `{{lt 1 "a"}}`, `{{lt true false}}`, `{{eq .Names .Names}}`, `{{slice "abc" 5}}`, `{{slice "abc" 2 1}}`, `{{slice 1 1}}`, `{{slice "abc" 0 1 2}}`,
	`{{range .ID}}x{{end}}`, `{{range .Running}}x{{end}}`, `{{range .Config}}x{{end}}`, `{{pad "a" "b" 1}}`, `{{printf 1}}`, `{{printf}}`, `{{call nil}}`, `{{1 2}}`, `{{.Labels.a "x"}}`, `{{$x := 1}}{{$x 2}}`, `{{.ID | 'a'}}`, "line\n  {{.Config.Nope | printf \"%s\"}}", `é{{.Nope}}`, `{{if .Nope}}{{end}}`, `{{(index .Ports 0).Nope}}`, `{{and}}`, `{{not}}`, `{{truncate .ID "x"}}`, `{{eq .Nope 1}}`, `{{range $i, $e := .Nope}}{{end}}`, `{{with .Config}}{{.Nope}}{{end}}`, `{{$x := .}}{{$x.Nope}}`, `{{print .Nope | len}}`, `{{lower .Labels.nope}}`, `{{lower .Any}}`, `{{len .Absent}}`, `{{truncate "abc" 9 9}}`,
}

type testCase struct {
	Template string `json:"template"`
	Output   string `json:"output"`
	Error    string `json:"error,omitempty"`
}

func run(text string) testCase {
	parsed, err := template.New("").Funcs(functions).Parse(text)
	if err != nil {
		return testCase{Template: text, Error: err.Error()}
	}
	output := &bytes.Buffer{}
	if err := parsed.Execute(output, data); err != nil {
		return testCase{Template: text, Error: err.Error()}
	}
	return testCase{Template: text, Output: output.String()}
}

func main() {
	cases := []testCase{}
	for _, text := range templates {
		cases = append(cases, run(text))
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(cases); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
