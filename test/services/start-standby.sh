#!/bin/bash
# Starts a standby beside the PostgreSQL that start-postgres.sh started in DIR. Its whole state is DIR/standby.
#   eval "$(start-standby.sh DIR [PORT])"
# Prints: export STANDBY_URL=postgres://…  From then on the primary answers a commit when the standby has flushed it, too.
#   start-standby.sh DIR --promote
# makes it a primary, with no standby of its own. What is left of the old one must not run any more.
# Safe to call again: a running standby is reused. PG_BIN=…/bin takes another build.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd); . "$here/lib.sh"
[ $# -ge 1 ] || die "usage: $0 DIR [PORT|--promote]"
dir=$(cd "$1" && pwd); primary=$dir/postgres; state=$dir/standby; data=$state/data
[ -s "$primary/port" ] || die "there is no primary in $dir: start-postgres.sh first"
[ -n "${PG_BIN:-}" ] || PG_BIN=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n1)
PGPASSWORD=$(cat "$primary/password"); export PGPASSWORD
as=()
[ "$(id -u)" != 0 ] || as=(setpriv --reuid=postgres --regid=postgres --init-groups --)

if [ "${2:-}" = --promote ]; then
  cd "$state"
  "${as[@]}" "$PG_BIN/pg_ctl" -D "$data" -w -t 60 -s promote </dev/null >/dev/null || { tail -5 "$state/log" >&2; die 'the standby was not promoted'; }
  say "postgres: the standby is the primary now"
  exit 0
fi

mkdir -p "$state"
[ "${#as[@]}" = 0 ] || chown postgres: "$state"
cd "$state"
if [ ! -e "$state/made" ]; then
  rm -rf "$data"                      # what an interrupted copy left
  "${as[@]}" "$PG_BIN/pg_basebackup" -D "$data" -R -X stream -c fast --no-sync \
    -d "host=127.0.0.1 port=$(cat "$primary/port") user=cdmi application_name=standby" >"$state/backup.log" 2>&1 || { cat "$state/backup.log" >&2; die 'no base backup could be made'; }
  echo "${2:-$(free_ports 1)}" >"$state/port"
  touch "$state/made"
fi
port=$(cat "$state/port")

if ! alive "$data/postmaster.pid" "$data"; then
  rm -f "$data/postmaster.pid"
  options="-c listen_addresses=127.0.0.1 -p $port -c unix_socket_directories='' -c max_connections=200"
  [ -z "${PG_FAST:-}" ] || options="$options -c fsync=off -c full_page_writes=off"
  "${as[@]}" "$PG_BIN/pg_ctl" -D "$data" -w -t 60 -s -l "$state/log" -o "$options" start \
    </dev/null >/dev/null || { tail -5 "$state/log" >&2; die 'the standby did not start'; }
fi

# Only now: the copy must not have it, or it would wait for itself once it is the primary.
ask() { "$PG_BIN/psql" -X -q -A -t -h 127.0.0.1 -p "$(cat "$primary/port")" -U cdmi -d postgres -c "$1" </dev/null; }
ask "alter system set synchronous_standby_names = 'standby'" >&2
ask 'select pg_reload_conf()' >/dev/null
for i in $(seq 300); do
  [ "$(ask "select sync_state from pg_stat_replication where application_name = 'standby'")" = sync ] && break
  [ "$i" -lt 300 ] || die 'the standby does not follow'
  sleep 0.1
done
say "postgres: a standby follows on 127.0.0.1:$port"
echo "export STANDBY_URL=postgres://cdmi:$PGPASSWORD@127.0.0.1:$port/postgres"
