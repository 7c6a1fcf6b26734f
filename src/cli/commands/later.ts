// Nouns whose time has not come: each says what is missing and what works meanwhile.
import type { Noun } from "../command.js";

const stock =
  "The stock docker CLI works on Skep's socket for what the daemon serves: DOCKER_HOST=unix:///run/skep/skep.sock docker";

export const laterNouns: readonly Noun[] = [
  later(
    "config",
    "Manage Swarm configs",
    "cluster configs are not built yet. Meanwhile: bake the file into the image, or --mount type=bind",
  ),
  later(
    "network",
    "Manage networks",
    `cluster networks are not built yet. Meanwhile: --publish mode=host. ${stock} network ls`,
  ),
  later(
    "secret",
    "Manage Swarm secrets",
    "cluster secrets are not built yet. Meanwhile: --mount type=bind of a file on the hosts",
  ),
  later(
    "stack",
    "Manage Swarm stacks",
    "stacks are not built yet. Meanwhile: one 'skep service create' per service of the file",
  ),
  later(
    "volume",
    "Manage volumes",
    `cluster volumes are not built yet. Local ones work: --mount type=volume. ${stock} volume ls`,
  ),
];

function later(name: string, about: string, missing: string): Noun {
  return { name, about, verbs: [], missing: `skep ${name}: ${missing}` };
}
