"""Kafka with TLS, SCRAM and ACLs, and a Redis with TLS and an ACL user, as docs/secure.md has them."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import redis
from certificates import Authority
from chaos_shop import REDIS_SERVER
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)
from live_shop import until
from pages import blocks, page, section
from ports import free_port

from bench.apache_kafka import ApacheKafka
from config.settings import Settings, load_settings
from streams.connection import brokers_of
from streams.embedded import GUARD, HOST

ADMIN, WORKER = "admin", "ebbtide"
PASSWORDS = {ADMIN: "admin-secret-31", WORKER: "worker-secret-92", "redis": "redis-secret-77"}
_JAAS = "org.apache.kafka.common.security.scram.ScramLoginModule required"


def redis_rule(password: str) -> list[str]:
    """The user and the rights that docs/secure.md asks for."""
    [rule] = blocks(section(page("docs/secure.md"), "### Rights in Redis"), "")
    return rule.replace("PASSWORD", password).split()[2:]


class Fortress:
    """Both servers, and the settings that get in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = Authority(folder / "ca")
        self.stranger = Authority(folder / "ca", "stranger")
        self.server = self.authority.identity("server")
        self.client = self.authority.identity("client")
        self.kafka = self._kafka()
        self.redis_port = free_port()
        self._redis: subprocess.Popen[bytes] | None = None
        for name, password in PASSWORDS.items():
            (folder / f"{name}.password").write_text(password + "\n")

    def environment(self, user: str = WORKER, **changes: str) -> dict[str, str]:
        """Settings as an operator exports them, secrets in files; changed where a test wants it."""
        settings = {
            "broker": self.kafka.broker, "kafka_security": "sasl_ssl", "kafka_username": user,
            "kafka_password_file": str(self.folder / f"{user}.password"),
            "kafka_ca_file": str(self.authority.ca),
            "redis_url": f"rediss://{HOST}:{self.redis_port}/0", "redis_username": WORKER,
            "redis_password_file": str(self.folder / "redis.password"),
            "redis_ca_file": str(self.authority.ca), "redis_cert_file": str(self.client.cert),
            "redis_key_file": str(self.client.key),
            "coupon_key": "test", "privacy_key": "x" * 40, "web_port": str(free_port()),
            "session_timeout_s": "3", "heartbeat_s": "0.5", "rebalance_timeout_s": "3",
        } | changes  # fmt: skip
        return {f"EBBTIDE_{name.upper()}": value for name, value in settings.items()}

    def settings(self, user: str = WORKER) -> Settings:
        """The same, read."""
        return load_settings(self.environment(user))

    def run(
        self, *words: str, user: str = WORKER, **changes: str
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command with these settings to its end."""
        return subprocess.run(
            [sys.executable, "-m", "streams.main", *words],
            env=os.environ | self.environment(user, **changes),
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    @contextmanager
    def worker(self) -> Iterator[Path]:
        """A worker; gives its log."""
        log = self.folder / "worker.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "streams.main", "worker"],
                env=os.environ | self.environment(), stdout=output, stderr=output,
            )  # fmt: skip
        try:
            yield log
        finally:
            process.terminate()
            process.wait(30)

    def grant(self, rules: list[tuple[str, str, str]]) -> None:
        """Let the worker's user do what is listed: operation, kind of resource, name (``a*``)."""
        admin = AdminClient(brokers_of(self.settings(ADMIN)).config())
        bindings = [
            AclBinding(
                ResourceType[kind], name.rstrip("*"),
                ResourcePatternType.PREFIXED if name.endswith("*") else ResourcePatternType.LITERAL,
                f"User:{WORKER}", "*", AclOperation[operation], AclPermissionType.ALLOW,
            )
            for operation, kind, name in rules
        ]  # fmt: skip
        for future in admin.create_acls(bindings).values():
            future.result(10)

    def __enter__(self) -> Self:
        self.kafka.__enter__()
        self._start_redis()
        return self

    def __exit__(self, *_: object) -> None:
        self.kafka.__exit__()
        if self._redis is not None:
            self._redis.kill()
            self._redis.wait()

    def _kafka(self) -> ApacheKafka:
        store = self.folder / "server.pem"
        store.write_text(self.server.key.read_text() + self.server.cert.read_text())
        here = "SASL_SSL://127.0.0.1:{port}"
        login = f'{_JAAS} username="{ADMIN}" password="{PASSWORDS[ADMIN]}";'
        settings = {
            "listeners": here, "advertised.listeners": here,
            "listener.security.protocol.map": "SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT",
            "inter.broker.listener.name": "SASL_SSL",
            "sasl.mechanism.inter.broker.protocol": "SCRAM-SHA-512",
            "sasl.enabled.mechanisms": "SCRAM-SHA-512",
            "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": login,
            "ssl.keystore.type": "PEM", "ssl.keystore.location": str(store),
            "ssl.truststore.type": "PEM", "ssl.truststore.location": str(self.authority.ca),
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            # ANONYMOUS is the controller, on a listener of its own.
            "super.users": f"User:{ADMIN};User:ANONYMOUS",
        }  # fmt: skip
        users = [f"SCRAM-SHA-512=[name={it},password={PASSWORDS[it]}]" for it in (ADMIN, WORKER)]
        options = [word for user in users for word in ("--add-scram", user)]
        return ApacheKafka(self.folder / "kafka", settings, options)

    def _start_redis(self) -> None:
        options: dict[str, Any] = {
            "--bind": HOST, "--port": 0, "--tls-port": self.redis_port, "--save": "",
            "--tls-cert-file": self.server.cert, "--tls-key-file": self.server.key,
            "--tls-ca-cert-file": self.authority.ca, "--dir": self.folder,
        }  # fmt: skip
        words = [str(word) for option in options.items() for word in option]
        words += ["--user", "default", "off"]
        words += ["--user", *redis_rule(PASSWORDS["redis"])]
        words += ["--user", "narrow", "on", ">narrow-secret-1", "~ebb:*", "+@read", "+@connection"]
        with (self.folder / "redis.log").open("ab") as log:
            self._redis = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", GUARD, str(os.getpid()),
                 REDIS_SERVER, *words],
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        until(self._redis_answers, "Redis answers")

    def _redis_answers(self) -> bool:
        try:
            with redis.Redis(
                port=self.redis_port, ssl=True, ssl_ca_certs=str(self.authority.ca),
                ssl_certfile=str(self.client.cert), ssl_keyfile=str(self.client.key),
                username=WORKER, password=PASSWORDS["redis"],
            ) as client:  # fmt: skip
                return bool(client.ping())
        except redis.RedisError:
            return False
