#!/bin/sh
# The daemon's command. Its first stage, which is the perl below, listens, then becomes the daemon, which takes the
# sockets over: it is there after some milliseconds, the runtime after twenty to some hundred, and `lttng create --live`
# connects after as many and does not try again. Only a shortcut: whatever it does not understand, cannot bind or cannot
# know (other sources of options), it leaves to the daemon, which also says what is wrong; so does a machine without perl.
# Standard streams that are closed would be files and sockets of this stage.
true 2>/dev/null 3<&0 || exec </dev/null
true 2>/dev/null 3>&1 || exec >/dev/null
true 3>&2 || exec 2>/dev/null
[ -x /usr/bin/perl ] && PERL_BADLANG=0 exec /usr/bin/perl -x -- "$0" "$@"
here=$(readlink -f -- "$0")
grep -qs '^SigIgn:.*[13579bdf]$' /proc/self/status && export LTTNG_RELAYD_NOHUP=1
exec node "${here%/*}/lttng-relayd.js" "$@"
exit 1
#!/usr/bin/perl
# No modules: loading them costs as much as all the rest.
my @options = @ARGV;
delete $ENV{PERL_BADLANG};
# The runtime takes back what nohup did.
$ENV{LTTNG_RELAYD_NOHUP} = 1 if ($SIG{HUP} || "") eq "IGNORE";
my $path = $0;
while (defined(my $to = readlink $path)) {
  $path = $to =~ m{^/} ? $to : ($path =~ m{^(.*/)}s ? $1 : "") . $to;
}
my $entry = ($path =~ m{^(.*/)}s ? $1 : "./") . "lttng-relayd.js";
# The entry, where it was run by itself, says which runtime it was, with which flags.
my @flags = split / /, delete $ENV{LTTNG_RELAYD_RUNTIME_FLAGS} || "";
my $node = delete $ENV{LTTNG_RELAYD_RUNTIME} || (grep { -f && -x } map { "$_/node" } split /:/, $ENV{PATH} || "")[0] || "node";

my %address = (control => ["0.0.0.0", 5342], data => ["0.0.0.0", 5343], live => ["127.0.0.1", 5344]);
my %port_option = ("-C", "control", "-D", "data", "-L", "live");
$port_option{"--$_-port"} = $_ for keys %address;
my %switch = map { $_ => 1 } qw(-v -vv -vvv -p -s -x -S --verbose --group-output-by-host --group-output-by-session
  --disallow-clear --sig-parent --single-viewer);
my %argument = map { $_ => 1 } qw(-o -g -P -w --output --group --pid-file --working-directory --fd-pool-size --http-port
  --http-token-file --http-hosts --log-format --log-file --max-connections --max-journals --memory-limit --live-cache
  --stop-timeout --suspend --sync --io-threads --workers --priority-boost --access --proxy-from --tls --tls-cert
  --tls-key --tls-client-ca --tls-crl --tls-min-version);

# Where the runtime ends of a limit, it does so without a word, or with too many.
my %limit;
if (open my $limits, "<", "/proc/self/limits") {
  /^(\S.*?) {2,}(\d+) / and $limit{$1} = $2 while <$limits>;
}
my $files = $limit{"Max open files"};
if (defined $files && $files < 32) {
  print STDERR "Error: The process' file number limit is too low ($files). ",
    "The process' file number limit must be set to at least 100. [code=START_OPTION]\n";
  exit 1;
}
# Below the last number no runtime starts; some then wait for ever.
for (["Max address space", "-v", 700_000_000], ["Max data size", "-d", 50_000_000]) {
  my ($name, $flag, $least) = @$_;
  my $bytes = $limit{$name};
  next unless defined $bytes && $bytes < 1_800_000_000;
  if ($bytes < $least) {
    printf STDERR "Error: ulimit %s is %d kB: Node.js, which reserves 1.8 GB, cannot start [code=START_PROCESS]\n",
      $flag, $bytes >> 10;
    exit 1;
  }
  printf STDERR "Warning: ulimit %s is %d kB: Node.js reserves 1.8 GB, which it hardly uses, and ends where it cannot\n",
    $flag, $bytes >> 10;
}

# What the options say about addresses; false where they say what this stage does not know.
sub understood {
  my @words = @_;
  while (defined(my $word = shift @words)) {
    next if $switch{$word};
    my ($name, $value) = $word =~ /^(--[a-z-]+)=(.*)$/s ? ($1, $2) : ($word, undef);
    return 0 unless $port_option{$name} || $argument{$name};
    $value = shift @words unless defined $value;
    return 0 unless defined $value;
    # Threads are made before the daemon could ask for another number of them.
    $ENV{UV_THREADPOOL_SIZE} = $value if $name eq "--io-threads" && $value =~ /^[1-9]\d{0,3}$/;
    next unless $port_option{$name};
    my ($host, $port) = $value =~ m{^tcp4?://(localhost|\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}):([1-9]\d{0,4})$}i or return 0;
    $address{$port_option{$name}} = [lc $host eq "localhost" ? "127.0.0.1" : $host, $port];
  }
  return 1;
}

sub configured {
  my $home = $ENV{LTTNG_HOME} || $ENV{HOME} || (getpwuid($<))[7] || "";
  return -e "/etc/lttng/lttng.conf" || -e "$home/.lttng/lttng.conf";
}

# Linux's numbers. The sockets stay in @kept, and so open; close-on-exec is taken from them.
my ($inet, $stream, $socket_level, $reuse_address, $set_descriptor_flags, $backlog) = (2, 1, 1, 2, 2, 4096);
my (@kept, @taken);
sub take {
  my ($name, $host, $port) = @_;
  return if $port > 65535 || grep { $_ > 255 } split /\./, $host;
  socket(my $socket, $inet, $stream, 0) or return;
  setsockopt($socket, $socket_level, $reuse_address, pack("l", 1));
  bind($socket, pack("S n C4 x8", $inet, $port, split /\./, $host)) && listen($socket, $backlog) or return;
  fcntl($socket, $set_descriptor_flags, 0) or return;
  push @kept, $socket;
  push @taken, join " ", $name, fileno $socket, $host, $port;
}

# All are busy when traced programs are: who asks for short turns is let in sooner then, and gets no more of the
# processor. Numbers of sched_setattr(2) by the ELF machine, policy and priority as they are; older kernels take no notice.
sub ask_for_short_turns {
  my ($turn_nanos, $keep_policy) = (500_000, 8);
  open my $self, "<:raw", "/proc/self/exe" or return;
  read $self, my $head, 20 or return;
  my $call = {62, 314, 183, 274}->{unpack "x18 S", $head} or return;
  syscall $call, 0, pack("L L Q l L Q3", 48, 0, $keep_policy, getpriority(0, 0), 0, $turn_nanos, 0, 0), 0;
}
ask_for_short_turns();

# A service manager listens already, and its sockets do not outlive another start of the runtime (sd_listen_fds(3)).
my $is_activated = ($ENV{LISTEN_PID} || "") eq $$;

$ENV{LTTNG_RELAYD_LISTENERS} = "";
if ($^O eq "linux" && ($is_activated || understood(@options) && !configured())) {
  unless ($is_activated) { take($_, @{$address{$_}}) for sort keys %address }
  $ENV{LTTNG_RELAYD_LISTENERS} = join ",", @taken;
  $ENV{UV_THREADPOOL_SIZE} ||= 64;
  $ENV{UV_USE_IO_URING} = 1 unless defined $ENV{UV_USE_IO_URING};
  $ENV{MALLOC_ARENA_MAX} = 2 unless defined $ENV{MALLOC_ARENA_MAX};
  $ENV{MALLOC_TRIM_THRESHOLD_} = 65536 unless defined $ENV{MALLOC_TRIM_THRESHOLD_};
  $ENV{NODE_NO_WARNINGS} = 1;
  unshift @flags, "--max-semi-space-size=4";
}
exec {$node} "lttng-relayd", @flags, $entry, @options;
print STDERR "Error: Cannot run $node, of Node.js: $! [code=START_PROCESS]\n";
exit 1
