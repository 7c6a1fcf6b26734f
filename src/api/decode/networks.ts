// The networks of a task, or, in Docker's old place, of a service.

import type { NetworkAttachmentConfig } from "../../gen/skep/v1/specs.js";
import type { Reader } from "./reader.js";

export function decodeNetworks(parent: Reader): readonly NetworkAttachmentConfig[] {
  return parent.objects("Networks").map((network) => ({
    target: network.text("Target"),
    aliases: network.texts("Aliases"),
    driverOptions: network.textMap("DriverOpts"),
  }));
}
