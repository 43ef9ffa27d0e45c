### English, as in Britain. One message is one whole sentence or label.

## Times. $unit chooses the form; $count and $date fill it.

in-utc = { $when } UTC
seen = { $unit ->
    [now] Active now
    [minutes] { $count ->
        [one] { $count } minute ago
       *[other] { $count } minutes ago
    }
    [hours] { $count ->
        [one] { $count } hour ago
       *[other] { $count } hours ago
    }
    [yesterday] Yesterday
    [days] { $count ->
        [one] { $count } day ago
       *[other] { $count } days ago
    }
   *[date] { $date }
}
last-active = { $unit ->
    [now] Active now
    [minutes] { $count ->
        [one] Last active { $count } minute ago
       *[other] Last active { $count } minutes ago
    }
    [hours] { $count ->
        [one] Last active { $count } hour ago
       *[other] Last active { $count } hours ago
    }
    [yesterday] Last active yesterday
    [days] { $count ->
        [one] Last active { $count } day ago
       *[other] Last active { $count } days ago
    }
   *[date] Last active on { $date }
}
signed-in = { $unit ->
    [now] signed in just now
    [minutes] { $count ->
        [one] signed in { $count } minute ago
       *[other] signed in { $count } minutes ago
    }
    [hours] { $count ->
        [one] signed in { $count } hour ago
       *[other] signed in { $count } hours ago
    }
    [yesterday] signed in yesterday
    [days] { $count ->
        [one] signed in { $count } day ago
       *[other] signed in { $count } days ago
    }
   *[date] signed in on { $date }
}
# An adverb, for the midst of a sentence.
ago = { $unit ->
    [now] just now
    [minutes] { $count ->
        [one] { $count } minute ago
       *[other] { $count } minutes ago
    }
    [hours] { $count ->
        [one] { $count } hour ago
       *[other] { $count } hours ago
    }
    [yesterday] yesterday
    [days] { $count ->
        [one] { $count } day ago
       *[other] { $count } days ago
    }
   *[date] on { $date }
}
signs-out = { $unit ->
    [moment] signs out in less than a minute
    [minutes] { $count ->
        [one] signs out in { $count } minute
       *[other] signs out in { $count } minutes
    }
    [hours] { $count ->
        [one] signs out in { $count } hour
       *[other] signs out in { $count } hours
    }
    [days] { $count ->
        [one] signs out in { $count } day
       *[other] signs out in { $count } days
    }
   *[date] signs out on { $date }
}
signs-out-idle = { $unit ->
    [moment] signs out in less than a minute if not used
    [minutes] { $count ->
        [one] signs out in { $count } minute if not used
       *[other] signs out in { $count } minutes if not used
    }
    [hours] { $count ->
        [one] signs out in { $count } hour if not used
       *[other] signs out in { $count } hours if not used
    }
    [days] { $count ->
        [one] signs out in { $count } day if not used
       *[other] signs out in { $count } days if not used
    }
   *[date] signs out on { $date } if not used
}
span = { $unit ->
    [seconds] { $count ->
        [one] { $count } second
       *[other] { $count } seconds
    }
    [minutes] { $count ->
        [one] { $count } minute
       *[other] { $count } minutes
    }
    [hours] { $count ->
        [one] { $count } hour
       *[other] { $count } hours
    }
   *[days] { $count ->
        [one] { $count } day
       *[other] { $count } days
    }
}

## Devices

device-on = { $browser } on { $platform }
device-app-on = { $app } app on { $platform }
device-app = { $app } app
device-unknown = Unknown device

## The frame

security = Security
skip = Skip to the content
back-to-app = Back to { $app }
menu-account = Your account
tabs = Security pages
tab-overview = Overview
tab-sessions = Sessions
tab-history = Sign-in history
tab-password = Password
sign-out = Sign out
cancel = Cancel
details = Details
this-device = This device
get-help = Get help
footer = These pages guard { $app }. Nobody will ever ask you for your password by e-mail or phone.

## Results of an act

flash-ended = { $count ->
    [one] Signed out { $count } session.
   *[other] Signed out { $count } sessions.
}
flash-ended-none = There was no other session to sign out.
flash-already-ended = That session had already ended.
flash-password-changed = Your password was changed.
flash-only-here = You stay signed in here.
flash-still-signed-in = { $count ->
    [one] { $count } other session is still signed in.
   *[other] { $count } other sessions are still signed in.
}
# A link behind the sentence before.
flash-review = { $count ->
    [one] Review it
   *[other] Review them
}
flash-password-changed-ended = { $count ->
    [one] Your password was changed, and { $count } other session signed out.
   *[other] Your password was changed, and { $count } other sessions signed out.
}
flash-form-not-sent = Your form was not sent: it came from another site, or from before you signed in. Go back to it, and send it again.
flash-password-set = Your password is set. Sign in with it now.

## Forms

form-problem = { $count ->
    [one] Please check this field
   *[other] Please check these { $count } fields
}
form-show-password = Show password
try-again = Try again at { $time } (in { $span }).
too-many-attempts = Too many attempts. Try again at { $time } (in { $span }).

## Sign-in

sign-in-title = Sign in to { $app }
sign-in-name = Name or e-mail
sign-in-password = Password
sign-in-remember = Keep me signed in on this device for { $span }
sign-in-remember-if-used = Keep me signed in on this device for { $span }, if I use it at least every { $idle }
sign-in-remember-for-ever = Keep me signed in on this device
sign-in-remember-for-ever-if-used = Keep me signed in on this device, if I use it at least every { $idle }
sign-in-button = Sign in
framed-title = Signed out
framed-lead = This part of { $app } is for people who are signed in. Sign in in a new tab, then load this page again.
framed-sign-in = Sign in in a new tab
cross-site-form-title = Continue to { $app }?
cross-site-form-from = From
cross-site-form-to = To
cross-site-form-why = Another site has sent this form to { $app }. It is not there yet: send it on if you have just come from that site.
cross-site-form-send = Send it on to { $app }
cross-site-form-leave = Do not send it
cross-site-form-not-signed-in = You are not signed in, so it was not sent. Sign in, come back to this page, and press again.
cross-site-form-late = This page was open for too long, so nothing was sent yet. Press again.
cross-site-form-sent-title = Sent already
cross-site-form-sent-lead = This form was sent on to { $app } once. It is not sent a second time.
sign-in-forgotten = Forgot your password?
sign-in-forgotten-ask = Ask the administrator of { $app } for a link to set a new one.
sign-in-mismatch = This name and password do not match.
sign-in-name-missing = Enter your name or e-mail address.
sign-in-password-missing = Enter your password.
sign-in-store-away = We can’t sign you in right now. Nothing is wrong with your account. Try again in a moment.
sign-in-overloaded = Many people are signing in right now. Try again in a moment.
sign-in-form-not-sent = Your form was not sent, because nobody was signed in. Sign in, go back to it, and send it again.
sign-in-unknown-session = The session that your browser shows is not known here: it may have ended long ago, or belong to another app at this address. Sign in again; that app may then ask you to sign in again, too.

why-signed-out = You signed out of this session { $ago }.
why-from-another-device = You were signed out because this session was ended from { $device }, { $ago }. Not you? Sign in and change your password.
why-by-administrator = You were signed out because this session was ended by an administrator, { $ago }. If someone else may know your password, sign in and change it.
why-password-changed = You were signed out because the password was changed, { $ago }. Not you? Ask an administrator.
why-account-disabled = You were signed out because this account was switched off. If you think it should not be, ask an administrator.
why-idle = You were signed out because this session had not been used for { $span }.
why-idle-long = You were signed out because this session had not been used for a long time.
why-expired = You were signed out because this session had reached the end of its time.
why-too-many = { $count ->
    [one] You were signed out because you signed in somewhere else. You can have { $count } session at a time.
   *[other] You were signed out because you can have { $count } sessions at a time, and this one had not been used for longest.
}

## Signed out

signed-out-title = You are signed out of { $app }
signed-out-lead = On a shared computer, close the browser window too.
signed-out-again = Sign in again

## Confirmations

confirm-sign-out-title = Sign out of { $app }?
confirm-sign-out-says = You will need to sign in again on this device. Your other devices stay signed in.
confirm-one-title = Sign out this session?
confirm-one-says = The device must sign in again.
confirm-this-title = Sign out the session you are using?
confirm-this-says = This is the session that you are using right now. You will need to sign in again on this device.
confirm-others-title = { $count ->
    [one] Sign out { $count } other session?
   *[other] Sign out { $count } other sessions?
}
confirm-others-stays = This session stays signed in. The others must sign in again.
confirm-all-title = Sign out everywhere?
confirm-all-says = This ends all sessions, also the one that you are using. You will need to sign in again everywhere.
confirm-colleagues = If you share this account or work in a team, tell the others: they may be surprised to be signed out.
confirm-more = { $count ->
    [one] and { $count } more
   *[other] and { $count } more
}
confirm-button = { $count ->
    [one] Sign out { $count } session
   *[other] Sign out { $count } sessions
}
confirm-password = Your password does not change. If someone else may know it, change it first.
confirm-password-link = Change password

## Overview

hub-title = Your security
hub-lead = Who can get into { $app } as you, and what you can do about it.
hub-sessions = { $count ->
    [one] { $count } session
   *[other] { $count } sessions
}
hub-newest = Newest: { $device }, signed in { $ago }
hub-oldest = Oldest: { $device }, signed in { $ago }
hub-other = Also: { $device }, signed in { $ago }
hub-sessions-link = See all sessions
hub-failed-none = No failed attempts in the last 30 days.
hub-failed = { $count ->
    [one] { $count } failed attempt in the last 30 days
   *[other] { $number } failed attempts in the last 30 days
}
hub-failed-or-more = { $number } or more failed attempts in the last 30 days
hub-failed-last = The last one { $ago }
hub-failed-last-from = The last one { $ago }, with { $device }
hub-history-link = Look at the history
hub-password-age = Last changed { $ago }.
hub-password-none = No password is set.
hub-password-link = Change password

## Sessions

sessions-title = Where you’re signed in
sessions-count = { $count ->
    [one] { $count } session. Its times are kept up to date while it is used.
   *[other] { $count } sessions. Their times are kept up to date while they are used.
}
sessions-end-others = { $count ->
    [one] Sign out { $count } other session
   *[other] Sign out { $count } other sessions
}
sessions-only-this = Only this device is signed in.
sessions-end-all = Sign out everywhere, here too
sign-out-of = Sign out { $device }
details-of = Details of { $device }

## What to do about a session that one does not know

advice-title = A session you don’t know?
advice-sign-out = Then sign it out. Signing a session out revokes (terminates) it at once: whoever uses it must sign in again.
advice-password-link = Change your password.
advice-password = Do this first: signing out does not change it, and whoever knows it would sign in again.
advice-history-link = Look at your sign-in history.
advice-history = Failed attempts and sign-ins that were not yours stand there, too.
advice-devices = Each browser and each app is a session of its own, so one device can stand here more than once. A device is called what its browser says it is.

## Session details

details-back = All sessions
details-sign-out = Sign out this session
details-device = Device
details-browser = Browser
details-os = Operating system
details-model = Model
details-network = Network
details-ip = IP address
details-first-ip = IP address at sign-in
details-session = Session
details-created = Signed in
details-last-active = Last active
details-idle-end = Signs out if not used by
details-end = Signs out at the latest
details-never = Never
details-kept = Kept
details-kept-remembered = Remembered on this device
details-kept-browser = Until the browser closes
details-kept-app = In the installed app
details-id = Session ID
details-activity = Activity
details-sign-ins = Sign-ins from this device
details-actions = Actions
details-actions-note = Requests that changed something, such as saving or sending. Opening a page does not count.
details-last-page = Last page
details-unknown = Don’t know this session?
details-unknown-device = A device is called what its browser says it is. A remote desktop or a privacy setting can make your own look like another one.

## History

history-lead = Each time someone signed in to your account, or tried to, or failed to change its password.
history-filter = Show
history-all = All
history-succeeded = Succeeded
history-failed = Failed
history-csv = Download as CSV
history-row-succeeded = Success
history-row-failed = Failed
history-with-password = with the password
history-wrong-password = wrong password
history-no-password = no password was set yet
history-disabled = the account was switched off
history-throttled = refused after too many attempts
history-more = { $count ->
    [one] and { $number } more attempt, not listed by itself
   *[other] and { $number } more attempts, not listed one by one
}
history-last = the last one { $when }
history-password-change = wrong current password, to change it
history-superseded = all sessions were being signed out
history-empty = No sign-ins recorded yet.
history-empty-succeeded = No successful sign-ins recorded yet.
history-empty-failed = No failed attempts recorded.
history-pages = More of the history
history-newest = Newest
history-older = Older
history-note = Something here that was not you?
history-pattern = Many failed attempts and then a success can mean that someone has found out your password.
history-sessions-link = Sign out the sessions that are not yours.
history-sessions = Whoever uses them must sign in again.

## Password

password-title = Change password
password-current = Current password
password-new = New password
password-again = New password, again
password-rules = Your new password needs:
password-rule-length = { $count ->
    [one] at least { $count } character
   *[other] at least { $count } characters
}
password-rule-upper = at least one upper-case letter
password-rule-lower = at least one lower-case letter
password-rule-digit = at least one number
password-rule-special = at least one special character, such as ! @ # $
password-rule-uncommon = something hard to guess (common passwords are refused)
password-rule-name = no part of your name or e‑mail address of three letters or more
password-rule-words = nothing else: a few unrelated words do well
# A rule that the password does not keep, in the list of rules.
password-rule-missed = Not yet: { $rule }
password-tip = A password manager can make one and keep it for you. Use this password for nothing else.
password-end-others = Sign out my other sessions
password-keeps-others = Your other sessions stay signed in.
password-ends-others = Your other sessions will be signed out.
password-button = Update password
password-current-missing = Enter your current password.
password-current-wrong = This is not your current password.
password-new-missing = Enter a new password.
password-again-missing = Type the new password again.
password-again-differs = The two new passwords are not the same.
password-breaks-rules = This password does not keep the rules marked below.
password-too-long = { $count ->
    [one] The new password may have { $count } character at most.
   *[other] The new password may have { $count } characters at most.
}
password-same = The new password is the same as the current one.

## One-time links

set-password-title = Choose a password for { $app }
set-password-for = For { $name }. This link works once.
set-password-button = Set password
link-expired-title = This link no longer works
link-expired-lead = This link to choose a password for { $app } was used already, or it is too old. Ask whoever sent it to you for a new one.
link-expired-sign-in = Sign in to { $app }

## Errors

error-request = Request ID
error-again = Try again
error-bad-request = We did not understand that
error-bad-request-lead = The request was not complete or not well-formed. Go back and try again.
error-bad-path = This address cannot be opened
error-bad-path-character = It holds { $character } ({ $spelling }), and not every server reads that in the same way: what may be opened here may be something else there.
error-bad-path-key = Whoever runs this can let it through with “{ $key }: true” in its route, where the app takes it for a letter.
error-bad-path-dots = It leads up by dots that not every server reads in the same way, or out of the site.
error-bad-path-broken = It is not spelled as addresses are: it does not begin with a slash, or holds a percent sign that encodes nothing.
error-bad-path-too-long = It is too long.
error-character = { $character ->
    [encoded-slash] an encoded slash
    [double-slash] a double slash
    [semicolon] a semicolon
    [encoded-semicolon] an encoded semicolon
    [backslash] a backslash
    [encoded-backslash] an encoded backslash
    [encoded-control] an encoded control character
    [control] a control character
    [null] a null byte
    [encoded-question-mark] an encoded question mark
    [encoded-hash] an encoded number sign
    [hash] a number sign
    [trailing-dot] a dot or blank at the end of a name
    [encoded-letter] an encoded letter
    [encoded-percent] a percent sign that is encoded twice
   *[overlong] an overlong encoding
 }
error-not-allowed = You may not see this page
error-not-allowed-lead = You are signed in, but your account is not allowed here. If it should be, ask an administrator. With another account you may see it: sign out first.
error-cross-site = This came from another site
error-cross-site-lead = To keep you safe, nothing was changed. If you meant to do this, do it from the page itself.
error-not-found = There is no such page
error-not-found-lead = It may have moved, or what it showed may have ended.
error-wrong-method = That does not work here
error-wrong-method-lead = The page exists, but not for this kind of request. Go back and try again.
error-too-large = That is too large
error-too-large-lead = What you sent is larger than this page takes. Nothing was changed.
error-wrong-host = This is not the right address
error-wrong-host-lead = { $app } is found at another address:
error-too-many = Too many attempts
error-internal = Something went wrong here
error-internal-lead = It was not your doing. Try again; if it goes on, get in touch and give the request ID.
error-app-away = { $app } cannot be reached
error-app-lead = Try again in a moment.
error-app-lead-signed-in = You are still signed in. Try again in a moment.
error-store-away = We can’t check your session right now
error-store-away-nobody = We can’t check sessions right now
error-store-away-lead = Try again in a moment.
error-store-away-lead-signed-in = You have not been signed out by this. Try again in a moment.
error-end-not-confirmed = Signed out, but not yet confirmed
error-end-not-confirmed-lead = Portcullis could not write this down. It lets nobody in with what you signed out, and keeps trying to write it. If Portcullis is restarted before that, this is lost: sign in then, and end it in the list of your sessions.
error-overloaded = Too much is going on right now
error-overloaded-lead = Nothing was changed. Try again in a moment.
error-app-slow = { $app } takes too long to answer

# The page after a sign-in that another tab is waiting for.
signed-in-title = You are signed in to { $app }
signed-in-lead = You can close this tab and go on in the one where you were.

# What an app's open page says of its session.
watch-signed-out = You are signed out.
watch-idle = You will be signed out soon, because you have not used this for a while.
watch-expires = You will be signed out soon, because this session has reached the end of its time. Save what you are doing.
watch-sign-in = Sign in
watch-stay = Stay signed in
watch-dismiss = Close
