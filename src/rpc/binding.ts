// A service of the swarm as the server takes it: what it is, who may call what of it, and who answers.

import type { ServiceDefinition, UntypedServiceImplementation } from "@grpc/grpc-js";
import type { Access } from "./access.js";
import type { LineBinding } from "./lines.js";

export interface Binding {
  readonly definition: ServiceDefinition;
  readonly implementation: UntypedServiceImplementation;
  /** By path, so that the gate knows before anything is decoded (R1). */
  readonly accessByPath: ReadonlyMap<string, Access>;
  /** What it says on connections of its own, without gRPC. */
  readonly line?: LineBinding;
}

/** `access` has a row for each method: one that is forgotten does not compile. */
export function defineBinding<Definition extends ServiceDefinition>(
  definition: Definition,
  access: { readonly [Method in keyof Definition]: Access },
  implementation: UntypedServiceImplementation,
  line?: LineBinding,
): Binding {
  const rows = Object.entries(definition).map(([name, { path }]): [string, Access] => {
    return [path, access[name as keyof Definition]];
  });
  return { definition, implementation, accessByPath: new Map(rows), ...(line && { line }) };
}
