# The services that hold keys, for the tests: OpenBao (its real server) and moto (which behaves as AWS KMS was recorded to).
# Each test starts its own on a free port and ends it. Sourced, after install.sh.

need_key_servers() { # folder
  python3 -c 'import ensurepip' 2>/dev/null || install_package python3-venv "OpenBao and moto"
  mkdir -p "$1"
  if ! cmp -s tests/key_servers/requirements.txt "$1/requirements.txt"; then
    echo "installing OpenBao and moto"
    rm -rf "$1/venv" "$1/requirements.txt"
    python3 -m venv "$1/venv"
    "$1/venv/bin/pip" install --quiet --disable-pip-version-check --requirement tests/key_servers/requirements.txt
    cp tests/key_servers/requirements.txt "$1/"
  fi
}
