# Sourced by `up`, `down`, `join` and `leave`, with dir (the cluster's folder) and bin (its programs) set.
registry=localhost:5000

kubectl() { "$bin/kube" kubectl --kubeconfig "$dir/admin.kubeconfig" "$@"; }
certificate() { # name subject [extension]
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "pki/$1.key" -subj "$2" 2>/dev/null |
    openssl x509 -req -CA pki/ca.crt -CAkey pki/ca.key -CAcreateserial -days 365 -out "pki/$1.crt" -extfile <(printf '%s' "${3:-}") 2>/dev/null
}
kubeconfig() { # name
  cat >"$1.kubeconfig" <<Y
apiVersion: v1
kind: Config
clusters: [{name: test, cluster: {server: "https://127.0.0.1:6443", certificate-authority: $dir/pki/ca.crt}}]
users: [{name: $1, user: {client-certificate: $dir/pki/$1.crt, client-key: $dir/pki/$1.key}}]
contexts: [{name: test, context: {cluster: test, user: $1, namespace: default}}]
current-context: test
Y
}
start() { # name command...
  local name=$1; shift
  { echo '#!/usr/bin/env bash'; echo "cd '$dir'"; printf 'exec'; printf ' %q' "$@"; echo; } >"run/$name"
  chmod +x "run/$name"
  setsid "run/$name" >>"log/$name.log" 2>&1 </dev/null & echo $! >"$name.pid"
}
waited() { # what command...
  local what=$1; shift
  for _ in $(seq 900); do if "$@" >/dev/null 2>&1; then return; fi; sleep 0.2; done
  echo "$what; see $dir/log" >&2
  exit 1
}

# A node is a containerd and a kubelet. All nodes share the machine's network, each has an address
# and a bridge for its pods; one kube-proxy serves all.
node_runtime() { # suffix address pods
  local suffix=$1 address=$2 pods=$3 node=node${1:--1}
  mkdir -p "cni$suffix" "containerd$suffix" "kubelet$suffix"
  ip link show kube-node >/dev/null 2>&1 || { ip link add kube-node type bridge; ip link set kube-node up; }
  ip addr replace "$address/32" dev kube-node
  certificate "kubelet$suffix" "/O=system:nodes/CN=system:node:$node" "subjectAltName=DNS:$node,IP:$address"
  kubeconfig "kubelet$suffix"
  # restrict_oom_score_adj: where root lacks CAP_SYS_RESOURCE, runc dies on a negative oom_score_adj.
  cat >"containerd$suffix.toml" <<T
version = 2
root = "$dir/containerd$suffix/root"
state = "$dir/containerd$suffix/state"
[grpc]
  address = "$dir/containerd$suffix.sock"
[plugins."io.containerd.grpc.v1.cri"]
  restrict_oom_score_adj = true
  sandbox_image = "test.local/pause:1"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$dir/cni$suffix"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
T
  cat >"cni$suffix/10-pods.conflist" <<T
{"cniVersion": "0.4.0", "name": "pods", "plugins": [
  {"type": "bridge", "bridge": "kube-pods$suffix", "isGateway": true, "ipMasq": true, "hairpinMode": true,
   "ipam": {"type": "host-local", "dataDir": "$dir/cni$suffix/addresses", "ranges": [[{"subnet": "$pods"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
  {"type": "portmap", "capabilities": {"portMappings": true}}]}
T
  start "containerd$suffix" containerd --config "$dir/containerd$suffix.toml"
  waited "containerd does not answer" ctr --address "$dir/containerd$suffix.sock" version
  ctr --address "$dir/containerd$suffix.sock" --namespace k8s.io images import pause.tar >"log/pause$suffix.log"
}
node_kubelet() { # suffix address [setting...]
  local suffix=$1 address=$2 node=node${1:--1}; shift 2
  # imageGC…: on a full disk a kubelet removes images, the sandbox's included, which no registry has.
  cat >"kubelet$suffix.yaml" <<Y
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: $address
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $dir/pki/ca.crt}}
authorization: {mode: Webhook}
cgroupDriver: cgroupfs
failCgroupV1: false
failSwapOn: false
containerRuntimeEndpoint: unix://$dir/containerd$suffix.sock
tlsCertFile: $dir/pki/kubelet$suffix.crt
tlsPrivateKeyFile: $dir/pki/kubelet$suffix.key
nodeStatusUpdateFrequency: 4s
volumeStatsAggPeriod: 5s
evictionHard: {memory.available: 100Mi, nodefs.available: 1%, imagefs.available: 1%}
imageGCHighThresholdPercent: 100
$(printf '%s\n' "$@")
Y
  start "kubelet$suffix" "$bin/kube" kubelet --kubeconfig="kubelet$suffix.kubeconfig" --config="kubelet$suffix.yaml" \
    --hostname-override=$node --node-ip=$address --root-dir="$dir/kubelet$suffix"
  waited "the node does not appear" kubectl get node $node
  waited "the node is not Ready" kubectl wait --for=condition=Ready --timeout=1s node/$node
}

# What ends a node, and a cluster.
pid_of() { # name; fails where it does not run: a number that another process has by now is left alone
  local pid; pid=$(cat "$dir/$1.pid" 2>/dev/null) || return 1
  [ "$(readlink "/proc/$pid/cwd")" = "$dir" ] && echo "$pid"
}
end() { # name
  local pid; pid=$(pid_of "$1") || return 0
  kill "$pid" 2>/dev/null
  for _ in $(seq 100); do kill -0 "$pid" 2>/dev/null || return 0; sleep 0.1; done
  kill -9 "$pid"
}
end_node() { # suffix
  local suffix=$1 pid left task
  tasks() { ctr --address "$dir/containerd$suffix.sock" --timeout 5s --namespace k8s.io tasks "$@" 2>/dev/null; }
  # What it was about to do does not matter any more; containerd is needed to end the pods.
  if pid=$(pid_of "kubelet$suffix"); then kill -9 "$pid"; fi
  for _ in $(seq 50); do
    left=$(tasks ls -q)
    [ -n "$left" ] || break
    for task in $left; do tasks kill -a -s KILL "$task"; tasks rm -f "$task" >/dev/null; done
  done
  end "containerd$suffix"
  # Network namespaces outlive their pods, and would answer for addresses of the next cluster's.
  for port in "/sys/class/net/kube-pods$suffix/brif"/*; do
    if [ -e "$port" ]; then ip link delete "${port##*/}"; fi
  done
  if [ -e "/sys/class/net/kube-pods$suffix" ]; then ip link delete "kube-pods$suffix"; fi
}
unmount() { # folder...
  local each mounted
  for each in "$@"; do
    grep -o " $each/[^ ]*" /proc/mounts | sort -r | while read -r mounted; do umount -l "$mounted" 2>/dev/null; done
  done
}
