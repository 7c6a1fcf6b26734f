// `GET /info` → who the engine is.

import type { EngineInfo } from "../engine.js";
import { count, items, object, text } from "./json.js";

export function infoOf(value: unknown, apiVersion: string): EngineInfo {
  const json = object(value);
  return {
    id: text(json["ID"]),
    hostname: text(json["Name"]),
    version: text(json["ServerVersion"]),
    apiVersion,
    architecture: text(json["Architecture"]),
    os: text(json["OSType"]),
    nanoCpus: count(json["NCPU"]) * 1e9,
    memoryBytes: count(json["MemTotal"]),
    labels: labelsOf(json["Labels"]),
    plugins: pluginsOf(json["Plugins"]),
    genericResources: items(json["GenericResources"]).flatMap(resourceOf),
    inSwarm: inSwarm(json["Swarm"]),
  };
}

/** `["key=value", "flag"]`. */
function labelsOf(value: unknown): Record<string, string> {
  const out: Record<string, string> = {};
  for (const label of items(value).map(text)) {
    const at = label.indexOf("=");
    if (at < 0) out[label] = "";
    else out[label.slice(0, at)] = label.slice(at + 1);
  }
  return out;
}

/** `{Volume: ["local"], Network: […], Authorization: null, Log: […]}`. */
function pluginsOf(value: unknown): { type: string; name: string }[] {
  return Object.entries(object(value)).flatMap(([type, names]) =>
    [...new Set(items(names).map(text))].filter((name) => name !== "").map((name) => ({ type, name })),
  );
}

function resourceOf(value: unknown): EngineInfo["genericResources"] {
  const named = object(object(value)["NamedResourceSpec"]);
  const discrete = object(object(value)["DiscreteResourceSpec"]);
  if (text(named["Kind"]) !== "") return [{ kind: text(named["Kind"]), named: text(named["Value"]) }];
  if (text(discrete["Kind"]) !== "") return [{ kind: text(discrete["Kind"]), discrete: count(discrete["Value"]) }];
  return [];
}

/** Also when it is joining, locked or in error: its swarm would wake up beside us. */
function inSwarm(value: unknown): boolean {
  const state = text(object(value)["LocalNodeState"]);
  return state !== "" && state !== "inactive";
}
