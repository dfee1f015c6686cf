#!/usr/bin/php
<?php
// Gives the server a command of moderation and prints its answer, from any script on the server's host.
//
//     php moderate.php /var/lib/appliance 'ban 192.0.2.7 for 12h because spam'
//     php moderate.php /var/lib/appliance 'mute name:"Ann B." for 15m'
//     php moderate.php /var/lib/appliance 'room lobby slow=10'
//     php moderate.php /var/lib/appliance bans
//
// The first argument is the server's --state-dir. The script must run as a member of the server's group, and --control must list
// kick (for bans alone, ask).

declare(strict_types=1);

const COMMAND = 1; // message type of commands to the server

[, $directory, $command] = $argv + [1 => "", 2 => ""];
if ($directory === '' || $command === '') {
    fwrite(STDERR, "usage: php moderate.php STATE_DIR COMMAND\n");
    exit(2);
}

$key = is_dir($directory) ? ftok($directory, 'A') : -1;
if ($key === -1 || !msg_queue_exists($key)) {
    fwrite(STDERR, "moderate.php: no server runs with --state-dir $directory\n");
    exit(1);
}

// The answer comes as a message of this type: no other process has this number. The server answers within two seconds.
$queue = msg_get_queue($key);
$mailbox = max(getmypid(), COMMAND + 1);
if (!msg_send($queue, COMMAND, "ask $mailbox $command", serialize: true, blocking: false, error_code: $error)) {
    fwrite(STDERR, 'moderate.php: not sent: ' . ($error === MSG_EAGAIN ? 'the queue is full' : posix_strerror($error)) . "\n");
    exit(1);
}

$end = hrtime(true) + 5_000_000_000;
while (!msg_receive($queue, $mailbox, $type, 65536, $answer, unserialize: true, flags: MSG_IPC_NOWAIT, error_code: $error)) {
    if (hrtime(true) > $end) {
        fwrite(STDERR, "moderate.php: the server has not answered\n");
        exit(1);
    }

    usleep(2000);
}

// The first line is the outcome, each further one a JSON object.
echo $answer, "\n";
exit(str_starts_with($answer, 'failed ') ? 1 : 0);
