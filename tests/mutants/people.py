"""Faults in signing in and in what a token allows."""

from tests.mutants import Mutant

FAMILIES = "services/people/families.py"
IDENTITY = "services/people/sign_in.py"
REFRESH = ("tests/api/people/test_enrolments.py::TestRefreshFamily",)
PHONE_KEYS = "tests/api/people/test_phone_keys.py"
PHONE_SIGN_INS = "tests/api/people/test_phone_sign_ins.py"
PROOFS = "services/people/proofs.py"
SUSPENDED = ("tests/flows/test_a_company_is_suspended.py::TestItsPeople",)
TOKENS = "tests/api/people/test_access_tokens.py"

MUTANTS = (
    Mutant(
        "pushes-go-to-any-number-of-phones",
        "services/people/devices.py",
        "    _spare_pushes(session, actor, device_id, now)\n",
        "",
        (
            "tests/api/people/test_devices.py::TestRegister"
            "::test_pushes_go_to_the_ten_phones_that_registered_last",
        ),
    ),
    Mutant(
        "an-old-refresh-token-is-taken",
        FAMILIES,
        "    is_last = generation == family.generation\n",
        "    is_last = True\n",
        REFRESH,
    ),
    Mutant(
        "another-device-refreshes",
        FAMILIES,
        "    if family.device_id != device_id:\n        raise",
        "    if family.device_id is None and device_id:\n        raise",
        REFRESH,
    ),
    Mutant(
        "a-stolen-sign-in-goes-on",
        FAMILIES,
        "    end_family(session, family.id, theft.code, now)\n",
        "",
        REFRESH,
    ),
    Mutant(
        "a-token-is-repeated-for-ever",
        FAMILIES,
        "if not is_last or now - family.last_used_at > keys.lives.repeat:",
        "if not is_last:",
        (f"{PHONE_KEYS}::TestWithoutAKey",),
    ),
    Mutant(
        "a-repeat-prolongs-its-time",
        FAMILIES,
        "        raise TokenReused(family.id)\n\n\n",
        "        raise TokenReused(family.id)\n    family.last_used_at = now\n\n\n",
        (f"{PHONE_KEYS}::TestWithoutAKey",),
    ),
    Mutant(
        "a-copied-token-needs-no-key",
        FAMILIES,
        "if proof is None or proof.thumbprint != family.key_thumbprint:",
        "if proof and proof.thumbprint != family.key_thumbprint:",
        (f"{PHONE_KEYS}::TestAPhoneWithAKey",),
    ),
    Mutant(
        "a-late-request-signs-its-phone-out",
        FAMILIES,
        'TokenSuperseded("A newer refresh token was used: use that, or sign in.")',
        "TokenReused(family.id)",
        ("tests/api/people/test_phone_races.py::TestShuffled",),
    ),
    Mutant(
        "a-proof-is-for-any-token",
        FAMILIES,
        "    proofs.check_token(proof, token)\n",
        "",
        (f"{PHONE_KEYS}::TestAPhoneWithAKey",),
    ),
    Mutant(
        "a-proof-is-used-twice",
        PROOFS,
        "    if proof.used in used:\n",
        "    if proof.used in used[:0]:\n",
        (f"{PHONE_KEYS}::TestAPhoneWithAKey",),
    ),
    Mutant(
        "a-sign-in-needs-no-nonce",
        PROOFS,
        "    if not is_ours:\n",
        "    if not is_ours and proof.nonce is None:\n",
        (f"{PHONE_SIGN_INS}::TestASignInOnAPhone",),
    ),
    Mutant(
        "an-id-is-enough-on-an-approved-phone",
        "services/people/enrolments.py",
        "    if device.has_key and (proof is None or",
        "    if device.has_key and (proof is not None and",
        (f"{PHONE_SIGN_INS}::TestASignInOnAPhone",),
    ),
    Mutant(
        "an-approval-counts-for-ever",
        "services/people/enrolments.py",
        "    device.is_approval_unused = False\n",
        "",
        (f"{PHONE_SIGN_INS}::TestASignInOnAPhone",),
    ),
    Mutant(
        "a-suspended-company-refreshes",
        FAMILIES,
        "    check_may_finish(session, family.org_id, deny_within=deny_within)\n",
        "",
        SUSPENDED,
    ),
    Mutant(
        "a-suspended-company-signs-in",
        IDENTITY,
        "    check_may_finish(session, member.org_id, deny_within=deny_within)\n",
        "",
        SUSPENDED,
    ),
    Mutant(
        "a-suspended-company-asks",
        "api/kernel/auth.py",
        "                if g.actor.is_suspended:\n",
        "                if False:\n",
        SUSPENDED,
    ),
    Mutant(
        "a-sign-in-that-ended-goes-on-asking",
        "migrations/versions/0016_exits.py",
        " and f.revoked_at is null",
        "",
        ("tests/api/people/test_enrolments.py::TestRevocation",),
    ),
    Mutant(
        "a-token-for-somebody-else-is-taken",
        "services/people/tokens.py",
        '    "require": REQUIRED,\n',
        '    "require": REQUIRED,\n    "verify_aud": False,\n',
        (TOKENS,),
    ),
    Mutant(
        "an-expired-token-is-taken",
        "services/people/tokens.py",
        "if signed.until_s <= now_s - LEEWAY_S:",
        "if signed.until_s <= 0:",
        (TOKENS,),
    ),
    Mutant(
        "guessing-is-never-locked",
        "services/people/lockouts.py",
        "            where=or_(is_old, kept.failures < MOST_FAILURES),\n",
        "",
        ("tests/api/people/test_lockouts.py::TestLock",),
    ),
    Mutant(
        "an-invitation-is-taken-twice",
        "services/people/invitations.py",
        "        invitation.accepted_at is None\n        and invitation.withdrawn_at",
        "        invitation.withdrawn_at",
        ("tests/api/people/test_invitations.py::TestAccept",),
    ),
    Mutant(
        "a-code-is-used-twice",
        "services/people/second_factors.py",
        "if is_right and candidate > factor.last_step:",
        "if is_right:",
        ("tests/api/people/test_second_factors.py::TestSignIn",),
    ),
    Mutant(
        "a-factor-is-turned-on-by-a-token-alone",
        "api/people/credentials.py",
        'if not passwords.matches(stored, body["current_password"]):',
        'if not passwords.matches(stored, body["current_password"]) and False:',
        ("tests/api/people/test_second_factors.py::TestACopiedToken",),
    ),
    Mutant(
        "a-recovery-code-is-used-twice",
        "services/people/second_factors.py",
        "[kept for kept in factor.recovery_hashes if kept != used]",
        "list(factor.recovery_hashes)",
        ("tests/api/people/test_second_factors.py::TestRecovery",),
    ),
    Mutant(
        "phones-behind-one-address-share-its-quota",
        "api/kernel/limits.py",
        'if getattr(view, "meters_itself", False):',
        'if getattr(view, "meters_nothing", False):',
        (
            "tests/api/kernel/test_shared_addresses.py::TestPhonesBehindOneAddress"
            "::test_refresh_and_ask_as_if_each_were_alone",
        ),
    ),
    Mutant(
        "an-expired-token-uses-up-its-phones-quota",
        "services/people/tokens.py",
        'f"{signed.claims.family_id} until {signed.until_s}"',
        "str(signed.claims.family_id)",
        (
            "tests/api/kernel/test_shared_addresses.py::TestPhonesBehindOneAddress"
            "::test_an_expired_token_is_no_weapon_against_its_phone",
        ),
    ),
    Mutant(
        "a-stranger-ends-an-open-reset",
        "services/people/resets.py",
        "    reset_id = uuid7()\n",
        "    _end_open(session, member.id, now)\n    reset_id = uuid7()\n",
        ("tests/flows/test_a_new_password.py::TestReset",),
    ),
    Mutant(
        "an-address-hides-a-character",
        "services/people/members.py",
        "if email and has_unseen(email):",
        "if email and has_unseen(email[0]):",
        ("tests/api/people/test_invitations.py",),
    ),
    Mutant(
        "a-quota-is-everybodys",
        "services/people/invitations.py",
        'f"invited by {actor.org_id} {mailbox(email)}"',
        'f"invited by {mailbox(email)}"',
        (
            "tests/api/people/test_invitations.py::TestInvite"
            "::test_what_another_company_sends_does_not_stop_the_addresss_own",
        ),
    ),
)
