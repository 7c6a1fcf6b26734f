import { describe, expect, it } from "vitest";
import {
  dockerFunctions,
  fn,
  formatGo,
  noField,
  parseTemplate,
  TemplateObject,
  type TemplateOptions,
} from "../../src/base/index.js";

class Row extends TemplateObject {
  readonly typeName = "*service.serviceContext";
  private readonly fields: Readonly<Record<string, unknown>>;
  constructor(fields: Readonly<Record<string, unknown>>) {
    super();
    this.fields = fields;
  }
  field(name: string): unknown {
    return Object.hasOwn(this.fields, name) ? this.fields[name] : noField;
  }
  toString(): string {
    return "{row}";
  }
  toJSON(): unknown {
    return this.fields;
  }
}

const row = new Row({ ID: "mzpgwbbl6lm4", Name: "web", Ports: "*:8080->80/tcp", Empty: "", Count: 3 });

function render(text: string, data: unknown = row, options: TemplateOptions = {}): string {
  return parseTemplate(text, { functions: dockerFunctions, ...options }).execute(data);
}

describe("a template prints what docker --format prints (recorded from docker 28.2.2)", () => {
  it.each([
    ["{{.ID}} {{.Name}}", "mzpgwbbl6lm4 web"],
    ['{{.Name | printf "%d"}}', "%!d(string=web)"],
    ["{{index .Name 0}}", "119"],
    ["{{len .Name}}", "3"],
    ['{{print nil 1 "a" 2 3.5 true}}', "<nil> 1a2 3.5 true"],
    [
      '{{printf "%v %d %s %q %5d|%-5s|%05d %x %t" .Name 1 2 .Name 3 "a" 42 "hi" true}}',
      'web 1 %!s(int=2) "web"     3|a    |00042 6869 true',
    ],
    [
      '{{pad .Name 2 3}}|{{truncate .Name 2}}|{{upper .Name}}|{{title .Name}}|{{join (split .Name "e") "-"}}|{{split .Name "e"}}',
      "  web   |we|WEB|Web|w-b|[w b]",
    ],
    ['{{html "<a>"}}{{js "a\'"}}{{urlquery "a b"}}', "&lt;a&gt;a\\'a+b"],
    ["{{slice .Name 1 2}}", "e"],
    ["{{.Name}}}}", "web}}"],
    ["{{with $x := .Name}}{{$x}}{{end}}{{/* c */}}", "web"],
    ["{{- .Name -}}  x", "webx"],
    ["{{1.5}} {{0x10}} {{'a'}}", "1.5 16 97"],
    ['{{range $i, $e := split .Name "e"}}{{$i}}={{$e}};{{else}}none{{end}}', "0=w;1=b;"],
    ["{{.Name | }}", "web"],
    ["{{println .Name}}", "web\n"],
    ["{{json .}}", '{"ID":"mzpgwbbl6lm4","Name":"web","Ports":"*:8080->80/tcp","Empty":"","Count":3}'],
  ])("%s", (text, printed) => {
    expect(render(text)).toBe(printed);
  });
});

describe("a mistake is named in Go's words (recorded from docker 28.2.2)", () => {
  it.each([
    ["{{.Foo}}", '1:2: executing "" at <.Foo>: can\'t evaluate field Foo in type *service.serviceContext'],
    ["{{.ID", "1: unclosed action"],
    ["{{foo}}", '1: function "foo" not defined'],
    ["{{end}}", "1: unexpected {{end}}"],
    ["{{else}}", "1: unexpected {{else}}"],
    ["{{if}}", "1: missing value for if"],
    ["{{range}}", "1: missing value for range"],
    ["{{}}", "1: missing value for command"],
    ["{{if .ID}}", "1: unexpected EOF"],
    ["{{range .Name}}{{.}}{{end}}", '1:8: executing "" at <.Name>: range can\'t iterate over web'],
    ["{{.Name.Foo}}", '1:7: executing "" at <.Name.Foo>: can\'t evaluate field Foo in type string'],
    ["{{eq .Name 1}}", '1:2: executing "" at <eq .Name 1>: error calling eq: incompatible types for comparison'],
    ['{{lt 1 "a"}}', '1:2: executing "" at <lt 1 "a">: error calling lt: incompatible types for comparison'],
    ['{{.Name "x"}}', '1:2: executing "" at <.Name>: wrong number of args for Name: want 0 got 1'],
    ['{{"abc}}', "1: unterminated quoted string"],
    ["{{.Name}} {{$x}}", '1: undefined variable "$x"'],
    ["{{1 | 2}}", "1: non executable command in pipeline stage 2"],
    ["{{nil}}", '1:2: executing "" at <nil>: nil is not a command'],
    ['{{index .Foo "a"}}', '1:8: executing "" at <.Foo>: can\'t evaluate field Foo in type *service.serviceContext'],
    ["{{.Name.}}", "1: unexpected <.> in operand"],
    ["{{and}}", '1:2: executing "" at <and>: wrong number of args for and: want at least 1 got 0'],
    ["{{not 1 2}}", '1:2: executing "" at <not>: wrong number of args for not: want 1 got 2'],
    ["{{lower 1}}", '1:8: executing "" at <1>: expected string; found 1'],
    ["{{lower .Count}}", '1:8: executing "" at <.Count>: wrong type for value; expected string; got int'],
    ["{{len 3}}", '1:2: executing "" at <len 3>: error calling len: len of type int'],
    ['{{index "abc" 9}}', '1:2: executing "" at <index "abc" 9>: error calling index: index out of range: 9'],
    ["{{break}}", "1: {{break}} outside {{range}}"],
    ["{{( .Name}}", "1: unclosed left paren"],
    ["{{ .Name)}}", "1: unexpected right paren"],
    ["a\n{{.Foo}}", '2:2: executing "" at <.Foo>: can\'t evaluate field Foo in type *service.serviceContext'],
  ])("%s", (text, why) => {
    expect(() => render(text)).toThrow(`template: :${why}`);
  });
});

describe("control flow", () => {
  const data = { Labels: { b: "2", a: "1" }, List: [1, 2, 3], None: [], Yes: true, No: false, Deep: { X: { Y: "z" } } };
  it.each([
    ["{{if .Yes}}y{{else}}n{{end}}{{if .No}}y{{else if .Yes}}m{{else}}n{{end}}", "ym"],
    ["{{range .List}}{{.}},{{end}}{{range .None}}x{{else}}none{{end}}", "1,2,3,none"],
    ["{{range $k, $v := .Labels}}{{$k}}={{$v}} {{end}}", "a=1 b=2 "],
    ["{{range .List}}{{if eq . 2}}{{continue}}{{end}}{{.}}{{end}}", "13"],
    ["{{range .List}}{{if eq . 2}}{{break}}{{end}}{{.}}{{end}}", "1"],
    ["{{with .Deep.X}}{{.Y}}{{$.Yes}}{{end}}{{with .No}}a{{else}}b{{end}}", "ztrueb"],
    ["{{$x := 1}}{{if .Yes}}{{$x = 2}}{{end}}{{$x}}", "2"],
    ["{{$x := 1}}{{if .Yes}}{{$x := 2}}{{end}}{{$x}}", "1"],
    ["{{range $i, $_ := .List}}{{$i}}{{end}}", "012"],
    ["{{or .No 0 .Deep.X.Y}} {{and .Yes .No}} {{not .None}}", "z false true"],
    ['{{(index .Labels "a") | printf "%s!"}}', "1!"],
    ["{{(.Deep).X.Y}}", "z"],
    ["{{.Labels}} {{.List}} {{.Deep}}", "map[a:1 b:2] [1 2 3] map[X:map[Y:z]]"],
    ["a {{- /* gone */ -}} b", "ab"],
    ['{{eq 1 2 1}}{{ne 1 2}}{{lt 1 2}}{{le 2 2}}{{gt "b" "a"}}{{ge 1 2}}', "truetruetruetruetruefalse"],
    ["{{.Missing}}", "<no value>"],
    ["{{.Missing.Deeper}}", "<no value>"],
    ['{{`raw\\n`}}{{"q\\n"}}', "raw\\nq\n"],
  ])("%s", (text, printed) => {
    expect(render(text, data)).toBe(printed);
  });
});

describe("a key the map does not have", () => {
  it.each([
    ["default", "<no value>"],
    ["zero", ""],
  ] as const)("%s prints %j", (missingKey, printed) => {
    expect(render("{{.zz}}", { a: "b" }, { missingKey })).toBe(printed);
  });

  it("is an error when asked for", () => {
    expect(() => render("{{.zz}}", { a: "b" }, { missingKey: "error" })).toThrow(
      'template: :1:2: executing "" at <.zz>: map has no entry for key "zz"',
    );
  });

  it("cannot reach what every JavaScript object inherits", () => {
    expect(render('{{.constructor}}{{.__proto__}}{{index . "toString"}}', { a: 1 })).toBe("<no value>".repeat(3));
    expect(() => render("{{constructor}}")).toThrow('function "constructor" not defined');
  });
});

describe("printf", () => {
  it.each([
    ["%d%%", [7], "7%"],
    ["%5.2f|%-6d|%+d", [3.14159, 42, 5], " 3.14|42    |+5"],
    ["%x %X %o %b %c %U", [255, 255, 8, 5, 65, 65], "ff FF 10 101 A U+0041"],
    ["%s", [], "%!s(MISSING)"],
    ["x", [1, "a"], "x%!(EXTRA int=1, string=a)"],
    ["%z", [1], "%!z(int=1)"],
    ["%q", ['a"b\n'], '"a\\"b\\n"'],
    ["%v %v", [null, ["a", "b"]], "<nil> [a b]"],
    ["%*d", [5, 1], "    1"],
    ["%", [], "%!(NOVERB)"],
    ["%.2s|%t|%t", ["abc", true, 1], "ab|true|%!t(int=1)"],
    ["%999999999d", [1], `${" ".repeat(9999)}1`],
  ] as const)("%s %j", (format, args, printed) => {
    expect(formatGo(format, ...args)).toBe(printed);
  });
});

it("a function of the caller's is called with checked arguments and its error is named", () => {
  const functions = {
    env: fn(["string"], (name: string) => {
      if (name === "bad") throw new Error("no such variable");
      return `<${name}>`;
    }),
  };
  expect(render('{{env "HOME"}}', {}, { functions, name: "expansion" })).toBe("<HOME>");
  expect(() => render('{{env "bad"}}', {}, { functions, name: "expansion" })).toThrow(
    'template: expansion:1:2: executing "expansion" at <env "bad">: error calling env: no such variable',
  );
});
