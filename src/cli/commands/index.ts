// The nouns and the verbs that stand alone, in the order they were built.
import type { Noun, Verb } from "../command.js";
import { daemon } from "./daemon.js";
import { laterNouns } from "./later.js";
import { node } from "./node/index.js";
import { service } from "./service/index.js";
import { swarm } from "./swarm/index.js";
import { system } from "./system/index.js";
import { info } from "./system/info.js";
import { version } from "./system/version.js";

export const nouns: readonly Noun[] = [node, service, swarm, system, ...laterNouns];

export const topVerbs: readonly Verb[] = [daemon, info, version];
