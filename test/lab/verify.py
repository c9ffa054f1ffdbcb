"""Independent verifiers over one message on standard input; prints JSON. Runs inside a namespace, so
that it asks the lab's DNS.

    verify.py dkim                         each DKIM signature by itself, by dkimpy
    verify.py spf IP MAIL_FROM HELO        SPF (RFC 7208) by pyspf
"""

import json
import logging
import sys


def dkim_results(message):
    import dkim
    import dkim.util

    results = []
    count = len([h for h, _ in dkim.DKIM(message).headers if h.lower() == b"dkim-signature"])
    for index in range(count):
        notes = []
        handler = logging.Handler()
        handler.emit = lambda record: notes.append(record.getMessage())
        logger = logging.getLogger("verify")
        logger.handlers = [handler]
        logger.propagate = False
        # A fresh object for each: dkimpy keeps what an earlier signature left behind.
        verifier = dkim.DKIM(message, logger=logger, minkey=1024)
        header = [v for h, v in verifier.headers if h.lower() == b"dkim-signature"][index]
        try:
            tags = {k.decode(): v.decode() for k, v in dkim.util.parse_tag_value(header).items()}
        except Exception as error:
            results.append({"domain": "", "selector": "", "algorithm": "",
                            "pass": False, "detail": "unreadable: %s" % error})
            continue
        try:
            passed, detail = bool(verifier.verify(idx=index)), "; ".join(notes)
        except Exception as error:
            passed, detail = False, "%s: %s" % (type(error).__name__, error)
        results.append({
            "domain": tags.get("d", ""),
            "selector": tags.get("s", ""),
            "algorithm": tags.get("a", ""),
            "pass": passed,
            "detail": detail,
        })
    return results


def spf_result(ip, mail_from, helo):
    import spf

    result, explanation = spf.check2(i=ip, s=mail_from, h=helo)
    return {"result": result, "detail": explanation}


if sys.argv[1] == "dkim":
    print(json.dumps(dkim_results(sys.stdin.buffer.read())))
else:
    print(json.dumps(spf_result(*sys.argv[2:5])))
