// A stream of JSON values one after the other (events, pull progress), cut at line ends as engines write them.

import { SwarmError } from "../../base/index.js";
import { streamValueBytesMax } from "../bounds.js";

/** The values, in order. A line that is no JSON is a broken stream. */
export async function* jsonValues(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<unknown, void, undefined> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > streamValueBytesMax) throw broken(`a value longer than ${streamValueBytesMax} bytes`);
    for (const line of lines) if (line.trim() !== "") yield valueOf(line);
  }
  if (rest.trim() !== "") yield valueOf(rest);
}

function valueOf(line: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch {
    throw broken(`no JSON: ${line.slice(0, 100)}`);
  }
}

function broken(why: string): SwarmError {
  return new SwarmError("Unavailable", `the engine's stream is broken: ${why}`);
}
