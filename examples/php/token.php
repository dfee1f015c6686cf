#!/usr/bin/php
<?php
// Makes a token for a server with --auth jwt, without a library: who the user is, and what the user may do in which rooms.
//
//     php token.php /etc/appliance/secret u7 'Ann Lee'
//
// The first argument is the file of --auth-key; every byte of it counts. A page gets the token in its HTML, and connects with it:
//
//     new WebSocket("wss://chat.example.org/", ["appliance.v1", "appliance.token." + token])

declare(strict_types=1);

[, $file, $user, $name] = $argv + [1 => '', 2 => '', 3 => ''];
if ($file === '' || $user === '' || $name === '') {
    fwrite(STDERR, "usage: php token.php SECRET_FILE USER NAME\n");
    exit(2);
}

$encode = fn (string $bytes): string => rtrim(strtr(base64_encode($bytes), '+/', '-_'), '=');
$claims = ['sub' => $user, 'name' => $name, 'rooms' => ['lobby' => 'rw', 'news' => 'r'], 'exp' => time() + 3600];
$signed = $encode('{"alg":"HS256","typ":"JWT"}') . '.' . $encode(json_encode($claims, JSON_THROW_ON_ERROR));
echo $signed, '.', $encode(hash_hmac('sha256', $signed, file_get_contents($file), true)), "\n";
