// A client with a service of its own: it changes a label of the spec with the version it read last, and reads back.

import type { DockerHttp } from "../../test/e2e/support/http.js";
import { Wire } from "./wire.js";

export class ServiceClient {
  readonly #wire: Wire;
  readonly #id: string;
  readonly #name: string;
  #version: number;
  #updates = 0;
  readonly #padding: string;

  private constructor(wire: Wire, { id, name, version, padding }: Known) {
    this.#wire = wire;
    this.#id = id;
    this.#name = name;
    this.#version = version;
    this.#padding = padding;
  }

  /** Makes the service where it is not there yet; nothing of it ever runs. Each update carries so many bytes more. */
  static async open(http: DockerHttp, name: string, paddingBytes = 0): Promise<ServiceClient> {
    const wire = new Wire(http.socketPath);
    const made = await wire.ask("POST", "/services/create", specOf(name, 0));
    if (made.status !== 201 && made.status !== 409) throw new Error(`create ${name} → ${made.status} ${made.body}`);
    const { status, body } = await wire.ask("GET", `/services/${name}`);
    if (status !== 200) throw new Error(`inspect ${name} → ${status} ${body}`);
    const { ID, Version } = JSON.parse(body) as Inspected;
    return new ServiceClient(wire, { id: ID, name, version: Version.Index, padding: "x".repeat(paddingBytes) });
  }

  async updateAndReadBack(): Promise<void> {
    const value = ++this.#updates;
    const path = `/services/${this.#id}/update?version=${this.#version}`;
    const updated = await this.#wire.ask("POST", path, specOf(this.#name, value, this.#padding));
    if (updated.status !== 200) throw new Error(`update → ${updated.status} ${updated.body}`);
    const { status, body } = await this.#wire.ask("GET", `/services/${this.#id}`);
    if (status !== 200) throw new Error(`inspect → ${status} ${body}`);
    const { Version, Spec } = JSON.parse(body) as Inspected;
    if (Spec.Labels?.["n"] !== String(value)) throw new Error(`wrote ${value}, read ${Spec.Labels?.["n"]}`);
    this.#version = Version.Index;
  }

  close(): void {
    this.#wire.close();
  }
}

interface Known {
  readonly id: string;
  readonly name: string;
  readonly version: number;
  readonly padding: string;
}

interface Inspected {
  readonly ID: string;
  readonly Version: { readonly Index: number };
  readonly Spec: { readonly Labels?: Readonly<Record<string, string>> };
}

function specOf(Name: string, value: number, padding = ""): string {
  const Labels = { n: String(value), ...(padding !== "" && { padding }) };
  return JSON.stringify({
    ...{ Name, Labels, Mode: { Replicated: { Replicas: 0 } } },
    TaskTemplate: { ContainerSpec: { Image: "busybox:latest" } },
  });
}
