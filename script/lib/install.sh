# Installs what the tests need by the system's package manager, and only when it is missing. Sourced.

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

install_package() { # package, what for
  if ! command -v apt-get >/dev/null 2>&1; then
    echo "missing: $1 ($2); install it and run this again" >&2
    exit 1
  fi
  echo "installing $1 ($2)"
  if [ -z "${apt_updated:-}" ]; then
    as_root apt-get update -qq
    apt_updated=1
  fi
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$1" >/dev/null
}

need_postgres() {
  if ! find_postgres; then
    install_package postgresql "a throw-away database server"
    find_postgres || { echo "PostgreSQL was installed but not found" >&2; exit 1; }
  fi
}

need_smtp_tls() {
  if ! python3 -c 'import aiosmtpd' 2>/dev/null && ! /usr/bin/python3 -c 'import aiosmtpd' 2>/dev/null; then
    install_package python3-aiosmtpd "an SMTP server that speaks TLS and asks for a password"
  fi
}

need_smtp_sink() {
  if ! command -v smtp-sink >/dev/null 2>&1 && [ ! -x /usr/sbin/smtp-sink ]; then
    install_package postfix "smtp-sink, an SMTP server that rejects, delays and drops on command"
  fi
}

need_oidc_provider() { # folder
  command -v node >/dev/null 2>&1 || install_package nodejs "a provider of identity"
  command -v npm >/dev/null 2>&1 || install_package npm "a provider of identity"
  mkdir -p "$1"
  if ! cmp -s tests/oidc/package-lock.json "$1/package-lock.json" || [ ! -d "$1/node_modules" ]; then
    echo "installing the provider of identity of tests/oidc/package-lock.json"
    cp tests/oidc/package.json tests/oidc/package-lock.json "$1/"
    npm ci --prefix "$1" --no-audit --no-fund --silent --ignore-scripts || { rm "$1/package-lock.json"; return 1; }
  fi
}

need_contract_tools() { # folder
  command -v node >/dev/null 2>&1 || install_package nodejs "the suites of GraphQL over HTTP and Relay"
  command -v npm >/dev/null 2>&1 || install_package npm "the suites of GraphQL over HTTP and Relay"
  command -v curl >/dev/null 2>&1 || install_package curl "waiting for a service"
  python3 -c 'import ensurepip' 2>/dev/null || install_package python3-venv "schemathesis"
  mkdir -p "$1"
  if ! cmp -s tests/contract/package-lock.json "$1/package-lock.json" || [ ! -d "$1/node_modules" ]; then
    echo "installing the suites of tests/contract/package-lock.json"
    cp tests/contract/package.json tests/contract/package-lock.json "$1/"
    npm ci --prefix "$1" --no-audit --no-fund --silent --ignore-scripts || { rm "$1/package-lock.json"; return 1; }
  fi
  if ! cmp -s tests/contract/requirements.txt "$1/requirements.txt"; then
    echo "installing schemathesis"
    rm -rf "$1/venv"
    python3 -m venv "$1/venv"
    "$1/venv/bin/pip" install --quiet --disable-pip-version-check --requirement tests/contract/requirements.txt
    cp tests/contract/requirements.txt "$1/"
  fi
}
