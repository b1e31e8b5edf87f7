"""An SMTP server that speaks TLS and wants a user.

tls_server.py starttls|implicit CERTIFICATE KEY PORT FOLDER: keeps each mail that it takes as a file in FOLDER, with the
version of TLS and the user in front of it.
"""

import asyncio
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

MODE, CERTIFICATE, KEY, PORT, FOLDER = sys.argv[1:]


class Keep:
    kept = 0

    async def handle_DATA(self, server, session, envelope):
        Keep.kept += 1
        version = server.transport.get_extra_info("ssl_object").version()
        with open(f"{FOLDER}/{Keep.kept}", "wb") as mail:
            mail.write(f"X-Tls: {version}\r\nX-User: {session.auth_data}\r\n".encode())
            mail.write(f"X-Rcpt-Args: <{envelope.rcpt_tos[0]}>\r\n".encode())
            mail.write(envelope.content)
        return "250 kept"


def check(server, session, envelope, mechanism, given):
    known = isinstance(given, LoginPassword) and given == LoginPassword(b"suimon", b"open sesame")
    return AuthResult(success=known, auth_data="suimon")


async def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE, KEY)
    starttls = MODE == "starttls"

    def connection():
        return SMTP(
            Keep(),
            hostname="localhost",
            tls_context=context if starttls else None,
            require_starttls=starttls,
            authenticator=check,
            auth_required=True,
            auth_require_tls=starttls,
        )

    loop = asyncio.get_running_loop()
    server = await loop.create_server(connection, "127.0.0.1", int(PORT), ssl=None if starttls else context)
    await server.serve_forever()


asyncio.run(main())
