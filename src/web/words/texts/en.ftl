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
span = { $unit ->
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
