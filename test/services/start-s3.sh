#!/bin/bash
# Starts a real S3 server, Ceph's RADOS Gateway, on 127.0.0.1: one monitor, one OSD, one
# gateway, no manager, one copy of the data, all state in DIR/s3, no systemd, no root needed.
#   eval "$(start-s3.sh DIR [PORT])"
# Prints: S3_ENDPOINT, S3_REGION, S3_BUCKET (made here), S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY.
# Safe to call again: what runs is reused, what had stopped is started on its old state.
# S3_STORE=memstore keeps the data in memory; the default,
# bluestore, is a sparse file of S3_SIZE_GIB (10) that survives kill -9, as a real cluster does.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd); . "$here/lib.sh"
[ $# -ge 1 ] || die "usage: $0 DIR [PORT]"
mkdir -p "$1"; dir=$(cd "$1" && pwd); state=$dir/s3
PATH=$PATH:/usr/sbin
need_packages radosgw ceph-mon ceph-osd radosgw
need_packages curl curl
unset CEPH_ARGS
export CEPH_CONF=$state/ceph.conf
bucket=cdmi

if [ ! -e "$state/made" ]; then
  # Nothing yet, or what an interrupted first start left: begin anew.
  end "$state/run/client.rgw.pid" radosgw KILL
  end "$state/run/osd.0.pid" ceph-osd KILL
  end "$state/run/mon.a.pid" ceph-mon KILL
  rm -rf "$state"
  mkdir -p "$state"/{mon,osd,rgw,run,log}
  chmod 700 "$state"                   # the keys lie here
  ports=($(free_ports 3)); port=${2:-${ports[2]}}
  monitor="[v2:127.0.0.1:${ports[0]},v1:127.0.0.1:${ports[1]}]"
  fsid=$(cat /proc/sys/kernel/random/uuid)
  cat >"$CEPH_CONF" <<CONF
[global]
fsid = $fsid
mon host = $monitor
# Loopback only, one user: no authentication between the daemons. The gateway would
# insist on the encrypted (cephx) mode towards the monitor, hence the crc line.
auth cluster required = none
auth service required = none
auth client required = none
ms mon client mode = crc
public addr = 127.0.0.1
cluster addr = 127.0.0.1
run dir = $state/run
pid file = $state/run/\$name.pid
admin socket = $state/run/\$name.asok
log file = $state/log/\$name.log
crash dir = $state/log
keyring = $state/keyring
debug rgw = 0/0
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pgp num = 4
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
[mon]
mon data = $state/mon
mon cluster log file = $state/log/cluster.log
paxos propose interval = 0.05
mon data avail warn = 2
mon data avail crit = 1
[osd]
osd data = $state/osd
osd objectstore = ${S3_STORE:-bluestore}
osd memory target = 1073741824
bluestore block create = true
bluestore fsck on mkfs = false
# Each closing of the device waits for so long, and a start closes it many times: 250 by default.
bdev aio poll ms = 20
bluestore block size = $(( ${S3_SIZE_GIB:-10} << 30 ))
memstore device bytes = $(( ${S3_SIZE_GIB:-4} << 30 ))
[client]
rgw data = $state/rgw
# Without tcp_nodelay every GET waits 40 ms (Nagle meets delayed ACK).
rgw frontends = beast endpoint=127.0.0.1:$port tcp_nodelay=1
rgw thread pool size = 64
# Besides http://127.0.0.1/<bucket>/ also http://<bucket>.s3.localhost/.
rgw dns name = s3.localhost
rgw run sync thread = false
rgw enable lc threads = false
rgw rados pool pg num min = 4
# Deleted data is freed within a minute instead of two hours.
rgw gc obj min wait = 30
rgw gc processor period = 30
CONF
  { echo "bucket=$bucket port=$port key=$(random_hex 10) secret=$(random_hex 20)"; } >"$state/access"
  ceph-authtool --create-keyring "$state/keyring" --gen-key -n mon. --cap mon 'allow *' >/dev/null
  monmaptool --create --fsid "$fsid" --addv a "$monitor" "$state/monmap" >/dev/null
  ceph-mon --mkfs -i a --monmap "$state/monmap" --keyring "$state/keyring" >>"$state/log/out" 2>&1
fi
eval "$(cat "$state/access")"
url=http://127.0.0.1:$port

# run NAME PROGRAM ARGS…: starts a daemon that is not there yet (each puts itself in the
# background) and keeps this script's stdout out of its hands.
run() {
  local name=$1; shift
  alive "$state/run/$name.pid" "$1" && return 0
  "$@" >>"$state/log/out" 2>&1 </dev/null || { tail -5 "$state/log/out" >&2; die "$name did not start"; }
}

run mon.a ceph-mon -i a
if [ ! -e "$state/made" ]; then
  osd=$(cat /proc/sys/kernel/random/uuid)
  timeout 30 ceph osd new "$osd" >>"$state/log/out" 2>&1 || die "the monitor does not answer, see $state/log"
  ceph-osd -i 0 --mkfs --osd-uuid "$osd" >>"$state/log/out" 2>&1
fi
run osd.0 ceph-osd -i 0
if [ ! -e "$state/made" ]; then
  timeout 90 radosgw-admin user create --uid=cdmi --display-name=cdmi --access-key="$key" --secret="$secret" \
    >>"$state/log/out" 2>&1 || { tail -5 "$state/log/out" >&2; die 'no S3 user could be made'; }
fi
run client.rgw radosgw -n client.rgw

# Ready means: a signed request succeeds. Creating a bucket that exists is no error.
# (Debian 12's curl leaves out the content hash that S3 wants, so it is given here.)
for i in $(seq 300); do
  code=$(curl -s -o /dev/null -w '%{http_code}' -m 10 -X PUT -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' \
    --aws-sigv4 aws:amz:us-east-1:s3 --user "$key:$secret" "$url/$bucket" || true)
  [ "$code" = 200 ] && break
  alive "$state/run/client.rgw.pid" radosgw || [ "$i" -lt 20 ] || die "radosgw ended, see $state/log"
  sleep 0.1
done
[ "$code" = 200 ] || die "the gateway answers $code, see $state/log"
touch "$state/made"
say "s3 (ceph radosgw): ready on $url"
cat <<OUT
export S3_ENDPOINT=$url
export S3_REGION=us-east-1
export S3_BUCKET=$bucket
export S3_ACCESS_KEY_ID=$key
export S3_SECRET_ACCESS_KEY=$secret
OUT
