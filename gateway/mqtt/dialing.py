"""From an address to a connected transport, with a sentence for everything that can be in the way."""

import asyncio
import os
import ssl
from collections.abc import Callable

from gateway.address import Address, Tls
from gateway.errors import BrokerUnavailable

CONNECT_S = 5.0  # seconds for TCP, and TLS on top


async def dial(address: Address, *, tls: Tls | None, protocol: Callable[[], asyncio.Protocol]) -> None:
    """Connect; the protocol is told by `connection_made`.

    Raises:
        BrokerUnavailable: nobody answers there, not in time, or not with a certificate that is trusted.
        BadTls: certificates of ours cannot be read.
    """
    context = await asyncio.to_thread((tls or Tls()).context) if address.tls else None
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(CONNECT_S):
            await loop.create_connection(protocol, address.host, address.port, ssl=context)
    except TimeoutError:
        raise BrokerUnavailable(
            f"no connection to the broker at {address} within {CONNECT_S:g} s; see that it runs there"
        ) from None
    except ssl.SSLError as error:
        raise BrokerUnavailable(
            f"no TLS with the broker at {address}: {words_of(error)}; see broker.ca_file, "
            "and that the name in the address stands in the broker's certificate"
        ) from error
    except UnicodeError as error:
        raise BrokerUnavailable(
            f"no connection to the broker at {address}: that is no name of a machine; mend broker.url"
        ) from error
    except OSError as error:
        raise BrokerUnavailable(
            f"no connection to the broker at {address}: {words_of(error)}; see that it runs there"
        ) from error


def words_of(error: OSError) -> str:
    """What went wrong, without numbers and names of functions."""
    if isinstance(error, ssl.SSLError):
        return str(getattr(error, "verify_message", "") or error.reason or error).replace("_", " ").lower()
    return os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or str(error)
