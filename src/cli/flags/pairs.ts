// `key=value` lists, and the small CSV that --mount, --secret, --publish and --network take.

/** The last of one key wins; a key alone has the empty value. */
export function keyValues(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(pairs.map(cut));
}

export function cut(pair: string): readonly [string, string] {
  const at = pair.indexOf("=");
  return at < 0 ? [pair, ""] : [pair.slice(0, at), pair.slice(at + 1)];
}

export function sortedRecord(record: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}

/** One line of CSV as Go's reader takes it: `"` quotes a whole field, `""` is a quote within. */
export function csvFields(line: string): string[] {
  const fields: string[] = [];
  let at = 0;
  for (;;) {
    const [field, end] = line[at] === '"' ? quotedField(line, at) : plainField(line, at);
    fields.push(field);
    if (end >= line.length) return fields;
    at = end + 1;
  }
}

function plainField(line: string, from: number): readonly [string, number] {
  const comma = line.indexOf(",", from);
  const end = comma < 0 ? line.length : comma;
  const field = line.slice(from, end);
  const quote = field.indexOf('"');
  if (quote >= 0) throw new Error(`parse error on line 1, column ${from + quote + 1}: bare " in non-quoted-field`);
  return [field, end];
}

function quotedField(line: string, from: number): readonly [string, number] {
  let field = "";
  for (let at = from + 1; at < line.length; at++) {
    if (line[at] !== '"') field += line[at];
    else if (line[at + 1] === '"') field += line[++at];
    else if (at + 1 === line.length || line[at + 1] === ",") return [field, at + 1];
    else throw new Error(`parse error on line 1, column ${at + 2}: extraneous or missing " in quoted-field`);
  }
  throw new Error(`parse error on line 1, column ${line.length + 1}: extraneous or missing " in quoted-field`);
}
