// docker's TLS flags: which files, and where they are when only --tlsverify was said.
import type { TlsFiles } from "./world.js";

interface TlsFlags {
  readonly tls?: boolean;
  readonly tlsverify?: boolean;
  readonly tlscacert?: string;
  readonly tlscert?: string;
  readonly tlskey?: string;
}

type Env = Readonly<Record<string, string | undefined>>;

/** Undefined: plain. Files default to ca.pem, cert.pem and key.pem in DOCKER_CERT_PATH or ~/.docker. */
export function tlsFiles(flags: TlsFlags, env: Env): TlsFiles | undefined {
  const verify = flags.tlsverify ?? (env["DOCKER_TLS_VERIFY"] ?? "") !== "";
  if (!verify && flags.tls !== true) return undefined;
  const folder = env["DOCKER_CERT_PATH"] || `${env["HOME"] ?? ""}/.docker`;
  return {
    verify,
    ca: flags.tlscacert ?? `${folder}/ca.pem`,
    cert: flags.tlscert ?? `${folder}/cert.pem`,
    key: flags.tlskey ?? `${folder}/key.pem`,
  };
}
