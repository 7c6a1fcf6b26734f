// The small shapes that every object of the API shares.

/** `Version.Index` goes back as `?version=` with an update: a compare-and-swap. */
export interface Version {
  readonly Index: number;
}

export interface Meta {
  readonly Version: Version;
  /** RFC3339 with nanoseconds, UTC; `0001-01-01T00:00:00Z` is Go's zero time. */
  readonly CreatedAt: string;
  readonly UpdatedAt: string;
}

/** Nanoseconds. */
export type Nanoseconds = number;

export type Labels = Readonly<Record<string, string>>;

export interface Driver {
  readonly Name?: string;
  readonly Options?: Labels;
}

/** What a node's or cluster's certificates hang on. The two binary fields are padded base64. */
export interface TLSInfo {
  readonly TrustRoot?: string;
  readonly CertIssuerSubject?: string;
  readonly CertIssuerPublicKey?: string;
}

export interface Platform {
  readonly Architecture?: string;
  readonly OS?: string;
}

export interface DiscreteGenericResource {
  readonly Kind?: string;
  readonly Value?: number;
}

export interface NamedGenericResource {
  readonly Kind?: string;
  readonly Value?: string;
}

export interface GenericResource {
  readonly DiscreteResourceSpec?: DiscreteGenericResource;
  readonly NamedResourceSpec?: NamedGenericResource;
}

/** The body of every error answer. */
export interface ErrorResponse {
  readonly message: string;
}

/** `filters` as the CLI sends it; docker-py and dockerode send lists instead of the inner maps. */
export type Filters = Readonly<Record<string, Readonly<Record<string, boolean>>>>;

/** A registry login, as `X-Registry-Auth` carries it (base64url of this JSON). Never logged. */
export interface AuthConfig {
  readonly username?: string;
  readonly password?: string;
  readonly auth?: string;
  readonly email?: string;
  readonly serveraddress?: string;
  readonly identitytoken?: string;
  readonly registrytoken?: string;
}
