//! Clients that nobody here wrote, at the gateway: `udhcpc`, `dhclient`, `dhcpcd`, `ping`, `arping`,
//! `dig`, `curl`, `wget` and `traceroute` of Debian.
//!
//! No machine is booted: [the gateway](../../src/bin/gateway.rs) runs as a program, at one end of a
//! pair of virtual interfaces in a network namespace of its own, and the client at the other.
//! Nothing leaves it. Where there may be no namespaces, the test says so and passes.

use std::process::{Command, Output};

use emulated::scratch::Scratch;

/// What each client finds before it: `v0` is the client's end, with the address of its card.
const WIRE: &str = r#"
set -e
ip link set lo up
ip link add v1 type veth peer name v0
for end in v0 v1; do echo 1 > /proc/sys/net/ipv6/conf/$end/disable_ipv6; done
ip link set v1 arp off
ip link set v0 address 52:54:00:00:00:08
ip link set v1 up
ip link set v0 up
mount -t tmpfs none /run
"$gateway" v1 52:54:00:00:00:08 &
trap "kill $!" EXIT
while ! ip link show v0 | grep -q LOWER_UP; do sleep 0.1; done
sleep 0.2
"#;

/// Gives the client the address it may have, by hand.
const WITH_ADDRESS: &str = "ip address add 10.77.0.8/24 dev v0; ip route add default via 10.77.0.1\n";

/// Runs a script behind [`WIRE`] and hands back all that was said; nothing where that cannot be.
#[track_caller]
fn at_the_gateway(needs: &[&str], script: &str) -> Option<String> {
    let may = Command::new("unshare").args(["--net", "--mount", "true"]).status();
    if !may.is_ok_and(|status| status.success()) {
        println!("SKIP: no network namespaces here, which takes root");
        return None;
    }
    for program in needs {
        let found = Command::new("sh").args(["-c", &format!("command -v {program}")]).output();
        if !found.is_ok_and(|found| found.status.success()) {
            println!("SKIP: there is no {program}; scripts/setup brings it");
            return None;
        }
    }
    let scratch = Scratch::new();
    let whole = format!("{WIRE}cd {}\n{script}", scratch.path("").display());
    let mut command = Command::new("unshare");
    command.args(["--net", "--mount", "timeout", "100", "sh", "-c", &whole]);
    let Output { status, stdout, stderr } =
        command.env("gateway", env!("CARGO_BIN_EXE_gateway")).output().expect("it could before");
    let said = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{script}\n{said}");
    Some(said)
}

#[track_caller]
fn holds(said: &str, words: &[&str]) {
    for word in words {
        assert!(said.contains(word), "{word:?} is not in:\n{said}");
    }
}

#[test]
fn udhcpc_gets_renews_and_releases_an_address() {
    let script = r#"
cat > told <<'END'
#!/bin/sh
echo "$1: ip=$ip mask=$mask router=$router dns=$dns lease=$lease serverid=$serverid"
[ "$1" != bound ] || ip address add $ip/24 dev $interface
END
chmod +x told
busybox udhcpc -f -i v0 -s ./told -R > said 2>&1 &
client=$!
sleep 2; kill -USR1 $client; sleep 2; kill -USR2 $client; sleep 1; kill $client; wait $client || true
cat said
"#;
    let Some(said) = at_the_gateway(&["busybox"], script) else { return };
    let lease = "ip=10.77.0.8 mask=24 router=10.77.0.1 dns=10.77.0.1 lease=3600 serverid=10.77.0.1";
    holds(&said, &[&format!("bound: {lease}"), &format!("renew: {lease}"), "unicasting a release"]);
}

#[test]
fn dhclient_gets_an_address_keeps_it_and_gives_it_back() {
    let script = "
for run in 1 2; do timeout 30 dhclient -4 -v -1 -sf /bin/true -lf leases -pf pid$run v0; sleep 1; kill $(cat pid$run); done
ip address add 10.77.0.8/24 dev v0
timeout 30 dhclient -4 -v -r -sf /bin/true -lf leases -pf pid3 v0
cat leases
";
    let Some(said) = at_the_gateway(&["dhclient"], &format!("touch leases{script}")) else { return };
    let words = [
        "DHCPOFFER of 10.77.0.8 from 10.77.0.1",
        "DHCPACK of 10.77.0.8 from 10.77.0.1",
        "bound to 10.77.0.8",
    ];
    holds(&said, &words);
    assert_eq!(said.matches("DHCPDISCOVER").count(), 1, "the second time it asks for what it had:\n{said}");
    holds(
        &said,
        &["DHCPRELEASE of 10.77.0.8", "option subnet-mask 255.255.255.0", "option routers 10.77.0.1"],
    );
}

#[test]
fn dhcpcd_gets_an_address_and_asks_for_the_rest_of_one() {
    let script = "
mkdir -p /run/lib; mount -t tmpfs none /var/lib/dhcpcd
timeout 40 dhcpcd -4 -1 -B -c /bin/true -t 30 v0
ip address flush dev v0
timeout 40 dhcpcd -4 -1 -B -c /bin/true -t 30 --inform=10.77.0.8/24 v0
";
    let Some(said) = at_the_gateway(&["dhcpcd"], script) else { return };
    holds(
        &said,
        &[
            "offered 10.77.0.8 from 10.77.0.1",
            "leased 10.77.0.8 for 3600 seconds",
            "received approval for 10.77.0.8",
        ],
    );
}

#[test]
fn a_ping_has_any_size_and_arping_finds_who_is_there() {
    let script = "
for size in 0 56 1472 1473 8000 65507; do ping -c 2 -i 0.2 -W 3 -s $size 10.77.0.1; done
arping -c 2 -I v0 10.77.0.1
arping -D -c 2 -I v0 10.77.0.8 && echo nobody else has 10.77.0.8
! arping -c 1 -w 1 -I v0 10.77.0.16
";
    let Some(said) = at_the_gateway(&["ping", "arping"], &format!("{WITH_ADDRESS}{script}")) else { return };
    assert_eq!(said.matches("2 packets transmitted, 2 received, 0% packet loss").count(), 6, "{said}");
    holds(
        &said,
        &["65515 bytes from 10.77.0.1", "Unicast reply from 10.77.0.1", "nobody else has 10.77.0.8"],
    );
}

#[test]
fn dig_finds_names_addresses_and_nothing_else() {
    let script = "
dig @10.77.0.1 cLiEnT A +noall +answer +comments
dig @10.77.0.1 client AAAA
dig @10.77.0.1 -x 10.77.0.16 +short
dig @10.77.0.1 nobody
dig @10.77.0.1 example.org
dig @10.77.0.1 gateway MX +noedns
dig @10.77.0.1 gateway +edns=1 +noednsneg
dig @10.77.0.1 gateway +bufsize=512 +dnssec +short
dig @10.77.0.1 gateway +tcp +tries=1 +time=2 || true
";
    let Some(said) = at_the_gateway(&["dig"], &format!("{WITH_ADDRESS}{script}")) else { return };
    holds(
        &said,
        &["cLiEnT.\t\t\t60\tIN\tA\t10.77.0.8", "neighbour.\n", "status: NXDOMAIN", "status: REFUSED"],
    );
    holds(&said, &["EDNS: version: 0, flags:; udp: 1472", "status: BADVERS", "connection refused"]);
    assert!(!said.to_lowercase().contains("malformed") && !said.contains("FORMERR"), "{said}");
}

#[test]
fn curl_and_wget_read_the_page() {
    let script = "
curl -sS -i http://10.77.0.1/
curl -sS -I http://10.77.0.1/ | grep Content-Length
curl -sS --http1.0 http://10.77.0.1/ http://10.77.0.1/ | grep -c 'guest client: runs'
curl -sS -o none -w 'no page: %{http_code}\\n' http://10.77.0.1/x
curl -sS -o none -w 'no post: %{http_code}\\n' -d something http://10.77.0.1/
wget -nv -O page http://10.77.0.1/ && grep -c neighbour page
busybox wget -q -O page http://10.77.0.1/ && echo busybox has it
! curl -sS http://10.77.0.1:81/
";
    let Some(said) = at_the_gateway(&["curl", "wget", "busybox"], &format!("{WITH_ADDRESS}{script}")) else {
        return;
    };
    holds(&said, &["HTTP/1.1 200 OK", "guest client: runs in a namespace", "\nneighbour 10.77.0.16\n"]);
    holds(
        &said,
        &["no page: 404", "no post: 405", "busybox has it", "Failed to connect to 10.77.0.1 port 81"],
    );
}

#[test]
fn the_services_of_old_are_there_and_traceroute_arrives() {
    let script = "
head -c 100000 /dev/urandom > sent
timeout 20 busybox nc -w 5 10.77.0.1 7 < sent > heard || true
cmp sent heard && echo echo sends back what it gets
sleep 8 | timeout 9 busybox nc 10.77.0.1 19 | head -c 1000000 | wc -c
timeout 20 busybox nc -w 2 10.77.0.1 9 < sent && echo discard takes it
traceroute -n -q 1 -w 2 10.77.0.1
traceroute -n -q 1 -w 2 -I 10.77.0.1
";
    let Some(said) = at_the_gateway(&["busybox", "traceroute"], &format!("{WITH_ADDRESS}{script}")) else {
        return;
    };
    holds(&said, &["echo sends back what it gets", "\n1000000\n", "discard takes it"]);
    assert_eq!(said.matches("\n 1  10.77.0.1  ").count(), 2, "{said}");
}

#[test]
fn who_speaks_as_another_is_refused_and_the_reason_is_shown() {
    let script = "
ip address add 10.77.0.16/24 dev v0; ip address add 10.77.0.8/24 dev v0
arping -A -c 1 -I v0 10.77.0.16 || true
! ping -c 1 -W 1 -I 10.77.0.16 10.77.0.1
ping -c 1 -W 2 -I 10.77.0.8 10.77.0.1
ip link set v0 address 52:54:00:00:00:09; sleep 0.5
! ping -c 1 -W 1 -I 10.77.0.8 10.77.0.1
";
    let Some(said) = at_the_gateway(&["ping", "arping"], script) else { return };
    holds(&said, &["ARP sender ", "MAC address ", "1 packets transmitted, 1 received"]);
}
