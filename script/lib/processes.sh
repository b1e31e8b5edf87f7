# Processes that live and end together. Sourced. Wants $logs, a folder.

names=()
pids=()
# Each in a group of its own, so that Ctrl-C reaches the script alone and the order is kept.
set -m

start() { # name, command …: goes on when the program says that it listens
  local name=$1 log=$logs/$1.log before
  shift
  touch "$log"
  before=$(wc -l <"$log")
  "$@" >>"$log" 2>&1 </dev/null &
  names+=("$name")
  pids+=("$!")
  until grep -Eq 'listens|listening' < <(tail -n +"$((before + 1))" "$log"); do
    if ! kill -0 "$!" 2>/dev/null; then
      tail -n +"$((before + 1))" "$log" >&2
      echo "$name did not start. Is a port taken? PORT=9000 script/server takes others." >&2
      exit 1
    fi
    sleep 0.1
  done
}

# Ends all of them, the last one first, and waits for each. A program that failed gives its status.
finish() {
  local status=$? at code
  trap '' INT TERM
  trap - EXIT
  for ((at = ${#pids[@]} - 1; at >= 0; at--)); do
    kill -TERM "${pids[at]}" 2>/dev/null || true
    code=0
    wait "${pids[at]}" 2>/dev/null || code=$?
    # Those that write no log of their own end by the signal.
    [ "$code" = 0 ] || [ "$code" = 143 ] || status=1
  done
  exit "$status"
}

# Waits until one of them ends by itself, which none should.
together() {
  local at
  while :; do
    for at in "${!pids[@]}"; do
      if ! kill -0 "${pids[at]}" 2>/dev/null; then
        echo "${names[at]} ended; see $logs/${names[at]}.log" >&2
        exit 1
      fi
    done
    sleep 1 &
    wait "$!" || true
  done
}
