// The flags of `service update`: those of create that replace, and the -add/-rm pairs that edit lists.
import { int, list, text, toggle } from "../../flags/basic.js";
import {
  checkDomain,
  checkEnv,
  checkHost,
  checkIp,
  checkLabel,
  command,
  placementPreferences,
  ulimits,
} from "../../flags/checks.js";
import type { FlagValues } from "../../flags/flag.js";
import { mounts } from "../../flags/mount.js";
import { ports } from "../../flags/publish.js";
import { fileReferences, networkReferences } from "../../flags/references.js";
import { commonFlags, genericResourceCheck } from "./flags.js";

export const updateFlags = {
  ...commonFlags(false),
  args: command("Service command args"),
  "config-add": fileReferences("config", "Add or update a config file on a service"),
  "config-rm": list("Remove a configuration file"),
  "constraint-add": list("Add or update a placement constraint"),
  "constraint-rm": list("Remove a constraint"),
  "container-label-add": list("Add or update a container label", {}, checkLabel),
  "container-label-rm": list("Remove a container label by its key"),
  "dns-add": list("Add or update a custom DNS server", {}, checkIp),
  "dns-rm": list("Remove a custom DNS server"),
  "dns-option-add": list("Add or update a DNS option"),
  "dns-option-rm": list("Remove a DNS option"),
  "dns-search-add": list("Add or update a custom DNS search domain", {}, checkDomain),
  "dns-search-rm": list("Remove a DNS search domain"),
  "env-add": list("Add or update an environment variable", {}, checkEnv),
  "env-rm": list("Remove an environment variable"),
  force: toggle("Force update even if no changes require it"),
  "generic-resource-add": list("Add a Generic resource", {}, genericResourceCheck),
  "generic-resource-rm": list("Remove a Generic resource"),
  "group-add": list("Add an additional supplementary user group to the container"),
  "group-rm": list("Remove a previously added supplementary user group from the container"),
  "host-add": list('Add a custom host-to-IP mapping ("host:ip")', {}, checkHost),
  "host-rm": list('Remove a custom host-to-IP mapping ("host:ip")'),
  image: text("Service image tag"),
  "label-add": list("Add or update a service label", {}, checkLabel),
  "label-rm": list("Remove a label by its key"),
  "mount-add": mounts("Add or update a mount on a service"),
  "mount-rm": list("Remove a mount by its target path"),
  "network-add": networkReferences("Add a network"),
  "network-rm": list("Remove a network"),
  "placement-pref-add": placementPreferences("Add a placement preference"),
  "placement-pref-rm": placementPreferences("Remove a placement preference"),
  "publish-add": ports("Add or update a published port"),
  "publish-rm": ports("Remove a published port by its target port"),
  rollback: toggle("Rollback to previous specification"),
  "secret-add": fileReferences("secret", "Add or update a secret on a service"),
  "secret-rm": list("Remove a secret"),
  "sysctl-add": list("Add or update a Sysctl option"),
  "sysctl-rm": list("Remove a Sysctl option"),
  "ulimit-add": ulimits("Add or update a ulimit option"),
  "ulimit-rm": list("Remove a ulimit option"),
  "oom-score-adj": int("Tune host's OOM preferences (-1000 to 1000)", { since: "1.46" }),
};

export type UpdateValues = FlagValues<typeof updateFlags>;
