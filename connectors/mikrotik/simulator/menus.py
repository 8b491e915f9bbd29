"""The menus of the simulated router, written by hand, with the version of each part.

Facts only. Checked against the `/console/inspect` trees of 7.12, 7.18, 7.21 and 7.24
that tikoci/restraml publishes: nothing is here that those lack (older versions are
taken to be alike); some arguments that Rangka has no use for are left out.
Called by tables and commands.
"""

from connectors.mikrotik.simulator.menu import Menu, arguments
from connectors.mikrotik.simulator.profiles import Version

READ = frozenset({"print", "getall", "listen"})
EDIT = READ | {"add", "set", "remove", "comment"}
UNSET = frozenset({"unset"})
COMMENT = frozenset({"comment"})
SWITCH = frozenset({"enable", "disable"})
ORDER = frozenset({"move"})
SINGLE = frozenset({"print", "getall"})

FIREWALL = """
    chain:text! action:text=accept protocol:text src-address:text dst-address:text
    src-address-list:text dst-address-list:text src-port:text dst-port:text
    in-interface:text in-interface-list:text out-interface:text out-interface-list:text
    address-list:text address-list-timeout:text connection-mark:text packet-mark:text
    dst-address-type:text limit:text
    jump-target:text log:bool=false log-prefix:text= hotspot:text content:text
    layer7-protocol:text src-mac-address:text time:text tos:text@7.21
    comment:text disabled:bool=false
"""
NAT = "to-addresses:text to-ports:text tls-host:text@..7.12"
FILTER = """
    connection-state:text connection-nat-state:text tcp-flags:text reject-with:text
    tls-host:text
"""

MENUS: dict[str, Menu] = {
    menu.path: menu
    for menu in (
        Menu(
            "/ip/pool",
            arguments("""
                name:text! ranges:ranges! next-pool:ref(/ip/pool) comment:text
            """),
            EDIT,
            unique=("name",),
            duplicate="failure: pool with such name exists",
            named=True,
        ),
        Menu(
            "/ppp/profile",
            arguments("""
                name:text! local-address:address-or-pool remote-address:address-or-pool
                bridge:text bridge-port-vid:int(1..4094)@7.18
                bridge-port-trusted:bool@7.18
                address-list:text= rate-limit:rate-limit idle-timeout:duration
                session-timeout:duration only-one:choice(default|no|yes)=default
                dns-server:text wins-server:text parent-queue:text queue-type:text
                insert-queue-before:text incoming-filter:text outgoing-filter:text
                interface-list:text use-mpls:choice(default|no|required|yes)=default
                use-compression:choice(default|no|yes)=default
                use-encryption:choice(default|no|required|yes)=default
                use-ipv6:choice(default|no|required|yes)=yes use-upnp:text=default
                change-tcp-mss:choice(default|no|yes)=default
                remote-ipv6-prefix-pool:text dhcpv6-pd-pool:text
                dhcpv6-lease-time:duration@7.21 dhcpv6-use-radius:bool@7.21
                remote-ipv6-prefix-reuse:bool@7.21
                on-up:text= on-down:text= comment:text
            """),
            EDIT | UNSET,
            unique=("name",),
            duplicate="failure: profile with the same name already exists",
            named=True,
            first_id=0,
        ),
        Menu(
            "/ppp/secret",
            arguments("""
                name:text! password:secret=
                service:choice(any|async|l2tp|ovpn|pppoe|pptp|sstp)=any
                caller-id:text= profile:ref(/ppp/profile)=default
                local-address:address-or-pool remote-address:address-or-pool
                routes:text= ipv6-routes:text= remote-ipv6-prefix:text
                limit-bytes-in:int(0..18446744073709551615)=0
                limit-bytes-out:int(0..18446744073709551615)=0
                comment:text disabled:bool=false
            """),
            EDIT | UNSET | SWITCH,
            unique=("name",),
            duplicate="failure: secret with the same name already exists",
            named=True,
        ),
        Menu("/ppp/active", (), READ | {"remove"}),
        Menu(
            "/ppp/aaa",
            arguments("""
                use-radius:bool=false accounting:bool=true interim-update:duration=0s
                use-circuit-id-in-nas-port-id:bool=false
                enable-ipv6-accounting:bool=false@7.15
            """),
            SINGLE | {"set"},
        ),
        Menu(
            "/queue/simple",
            arguments("""
                name:text target:text dst:text parent:text=none packet-marks:text=
                priority:text=8/8 queue:text=default-small/default-small
                limit-at:rate-pair=0/0 max-limit:rate-pair=0/0 burst-limit:rate-pair=0/0
                burst-threshold:rate-pair=0/0 burst-time:text=0s/0s
                bucket-size:text=0.1/0.1 time:text total-limit-at:text
                total-max-limit:text total-burst-limit:text total-burst-threshold:text
                total-burst-time:text total-priority:text total-queue:text
                total-bucket-size:text comment:text disabled:bool=false
            """),
            EDIT | UNSET | SWITCH | ORDER,
            unique=("name",),
            duplicate="failure: already have such name",
            named=True,
            stats=frozenset({"bytes", "packets", "rate"}),
        ),
        Menu(
            "/ip/firewall/address-list",
            arguments("""
                list:text! address:text! timeout:duration dynamic:bool@7.0
                comment:text disabled:bool=false
            """),
            EDIT | SWITCH,
            unique=("list", "address"),
        ),
        Menu(
            "/ip/firewall/nat",
            arguments(FIREWALL + NAT),
            EDIT | UNSET | SWITCH | ORDER,
            stats=frozenset({"bytes", "packets"}),
        ),
        Menu(
            "/ip/firewall/filter",
            arguments(FIREWALL + FILTER),
            EDIT | UNSET | SWITCH | ORDER,
            stats=frozenset({"bytes", "packets"}),
        ),
        Menu(
            "/ip/hotspot/user/profile",
            arguments("""
                name:text! address-pool:text session-timeout:duration
                idle-timeout:text=none keepalive-timeout:text=2m
                status-autorefresh:duration=1m shared-users:text=1
                rate-limit:rate-limit address-list:text= transparent-proxy:bool=false
                parent-queue:text queue-type:text insert-queue-before:text
                add-mac-cookie:bool=true mac-cookie-timeout:duration=3d
                on-login:text= on-logout:text= open-status-page:text
            """),
            EDIT - COMMENT | UNSET,
            unique=("name",),
            duplicate="failure: already have profile with this name",
            named=True,
        ),
        Menu(
            "/ip/hotspot/user",
            arguments("""
                server:text name:text! password:secret
                profile:ref(/ip/hotspot/user/profile)=default address:address
                mac-address:mac limit-uptime:duration
                limit-bytes-in:int(0..18446744073709551615)
                limit-bytes-out:int(0..18446744073709551615)
                limit-bytes-total:int(0..18446744073709551615)
                email:text routes:text comment:text disabled:bool=false
            """),
            EDIT | SWITCH,
            unique=("server", "name"),
            duplicate="failure: already have user with this name for this server",
            named=True,
        ),
        Menu(
            "/ip/dhcp-server/lease",
            arguments("""
                address:address-or-pool mac-address:mac client-id:text server:text
                lease-time:duration rate-limit:rate-limit address-lists:text=
                block-access:bool insert-queue-before:text parent-queue:text@7.0
                queue-type:text@7.0 use-src-mac:bool always-broadcast:bool
                dhcp-option:text= dhcp-option-set:text agent-circuit-id:text@7.21
                agent-remote-id:text@7.21 comment:text disabled:bool=false
            """),
            EDIT | UNSET | SWITCH | {"make-static"},
            unique=("server", "mac-address"),
            duplicate="failure: already have static lease with this client",
        ),
        Menu(
            "/interface",
            arguments("""
                name:text! type:text mtu:text l2mtu:text comment:text
                disabled:bool=false
            """),
            READ | SWITCH | {"set", "comment"},
            unique=("name",),
            named=True,
            fixed=frozenset({"type"}),
        ),
        Menu(
            "/ip/address",
            arguments("""
                address:text! network:text broadcast:text netmask:text
                interface:text!
                comment:text disabled:bool=false
            """),
            EDIT | SWITCH,
            unique=("address", "interface"),
            duplicate="failure: already have such address",
        ),
        Menu("/log", (), READ),
        Menu(
            "/file",
            arguments("name:text! contents:text type:text@7.15"),
            READ | {"add", "set", "remove"},
            unique=("name",),
            duplicate="failure: file with the same name already exists",
            named=True,
            policy="ftp",
        ),
        Menu(
            "/user/group",
            arguments("name:text! policy:policy= skin:text=default comment:text"),
            EDIT,
            unique=("name",),
            duplicate="failure: group with the same name already exists",
            named=True,
            policy="policy",
        ),
        Menu(
            "/user",
            arguments("""
                name:text! group:ref(/user/group)! password:secret= address:text=
                inactivity-timeout:duration@7.16 inactivity-policy:text@7.16
                comment:text disabled:bool=false
            """),
            EDIT | SWITCH,
            unique=("name",),
            duplicate="failure: user with the same name already exists",
            named=True,
            policy="policy",
        ),
        Menu("/user/active", (), READ),
        Menu(
            "/ip/service",
            arguments("""
                name:text! port:int(1..65535) address:text= certificate:text=none
                tls-version:choice(any|only-1.2)=any vrf:text=main@7.0
                max-sessions:int(1..1000)=20@7.16 available-from:text@7.24
                disabled:bool=false
            """),
            READ | SWITCH | {"set"},
            named=True,
            fixed=frozenset({"name"}),
        ),
        Menu(
            "/radius",
            arguments("""
                service:text= called-id:text= domain:text= address:address!
                secret:secret= authentication-port:int(1..65535)=1812
                accounting-port:int(1..65535)=1813 timeout:duration=300ms
                accounting-backup:bool=false realm:text= protocol:text=udp@6.43
                certificate:text=none src-address:address
                require-message-auth:text=yes-for-request-resp@7.15
                comment:text disabled:bool=false
            """),
            EDIT | SWITCH | ORDER,
        ),
        Menu(
            "/radius/incoming",
            arguments(
                "accept:bool=false port:int(1..65535)=3799 vrf:text=main@7.0",
            ),
            SINGLE | {"set"},
        ),
        Menu("/system/resource", (), SINGLE),
        Menu("/system/identity", arguments("name:text=MikroTik"), SINGLE | {"set"}),
        Menu("/system/routerboard", (), SINGLE),
        Menu("/system/license", (), SINGLE),
    )
}

ALWAYS = ((0, 0), (99, 99))

PRINT: dict[str, tuple[Version, Version]] = {
    **dict.fromkeys((".proplist", "append", "as-value", "brief", "count-only"), ALWAYS),
    **dict.fromkeys(("detail", "file", "follow", "follow-only", "from"), ALWAYS),
    **dict.fromkeys(("interval", "proplist", "show-ids", "stats", "terse"), ALWAYS),
    **dict.fromkeys(("value-list", "where", "without-paging"), ALWAYS),
    "follow-strict": ((6, 0), (7, 15)),
    "group-by": ((7, 18), (99, 99)),
    "show-sensitive": ((7, 21), (99, 99)),
    "on-event": ((7, 22), (99, 99)),
    "comments": ((7, 22), (99, 99)),
    "order-by": ((7, 24), (99, 99)),
    "timestamp": ((7, 22), (99, 99)),
}
"""Arguments of every `print`, with the first and the last version that has them."""

VERBS: dict[str, tuple[Version, Version]] = {
    "/ping": ((0, 0), (7, 22)),
    "/tool/ping": ((7, 0), (99, 99)),
    "/file/read": ((7, 13), (99, 99)),
    "/interface/monitor-traffic": ((0, 0), (99, 99)),
    "/export": ((0, 0), (99, 99)),
    "/system/backup/save": ((0, 0), (99, 99)),
    "/system/reboot": ((0, 0), (99, 99)),
}
"""Commands that belong to no table, with the first and the last version."""

SINGLES = frozenset(path for path, menu in MENUS.items() if menu.commands >= SINGLE
                    and "listen" not in menu.commands)  # fmt: skip
"""Menus that hold exactly one set of values instead of rows."""
