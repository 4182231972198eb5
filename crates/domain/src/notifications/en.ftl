### Titles and messages of notifications in English, by notification type (rule book §12).
### The types, their priorities and which of them are persistent are declared in notifications.rs.

inspection_submitted =
    .title = Inspection submitted
    .message = { $again ->
         [none] { submission }
        *[other] { submission } Found again: { $again }
    }

inspection_assigned =
    .title = Inspection assigned
    .message = You are assigned to inspect { $equipment } on { $date }, with { $partner }.

inspections_assigned =
    .title = Inspections assigned
    .message = You are assigned to inspect { machines } on { $date }, with { $partner }.

inspection_unassigned =
    .title = Inspection withdrawn
    .message = You no longer inspect { $equipment } on { $date }.

inspections_unassigned =
    .title = Inspections withdrawn
    .message = You no longer inspect { machines } on { $date }.

assignments_freed =
    .title = Absence from teams
    .message = { $half ->
         [am] { $person } is on leave until 13:00 on { $from }.
         [pm] { $person } is on leave from 13:00 on { $from }.
        *[none] { $person } is on leave from { $from } to { $to }.
    } Without a team: { machines }. Teams that have begun and need another member: { $kept }.

inspection_rated =
    .title = Inspection rated
    .message = Your inspection of { $equipment } was rated { $rating } of 5.

assessment_required =
    .title = Your verdict is needed
    .message = Both inspections of { $equipment } are complete: is it operational, or urgent?

equipment_stopped =
    .title = Equipment stopped
    .message = { $equipment } was stopped for safety: { $reason }

backlog_triggered =
    .title = Inspection overdue
    .message = The inspection of { $equipment } for { $date } is past its deadline.

defect_created =
    .title = Defect found
    .message = { $equipment }: { $defect } (due { $date })

defect_found_again =
    .title = Defect found again
    .message = { $equipment } failed again: { $defect } (due { $date })

defect_resolved =
    .title = Defect resolved
    .message = { $person } resolved a defect of { $equipment }: { $defect }

defect_rejected =
    .title = Defect rejected
    .message = The specialist found nothing wrong with { $equipment }: { $defect }

defect_dismissed =
    .title = False alarm
    .message = { $person } dismissed a defect of { $equipment }, { $defect }: { $reason }

job_assigned =
    .title = Job assigned
    .message = Job { $job } on { $equipment } is yours. Enter your planned time first.

job_completed =
    .title = Job completed
    .message = { $person } completed job { $job }.

job_incomplete =
    .title = Job incomplete
    .message = { $person } left job { $job } incomplete: { $reason }

job_cancelled =
    .title = Job cancelled
    .message = Job { $job } was cancelled: { $reason }

job_reassigned =
    .title = Job reassigned
    .message = { $person } has job { $job } from now on.

job_on_behalf =
    .title = Done on your behalf
    .message = { $person } { $action ->
         [plan] entered your planned time of job
         [start] started your job
         [complete] completed your job
        *[leave_incomplete] reported as incomplete your job
    } { $job } on your behalf: { $reason }

job_timer_corrected =
    .title = Timer corrected
    .message = { $person } corrected the timer of job { $job }: { $reason }

job_running_long =
    .title = Job running for long
    .message = Job { $job } has been running since { $date }, for more than 12 hours without a pause.

engineer_job_created =
    .title = Engineer job created
    .message = Job { $job }: { $title }.

pause_requested =
    .title = Pause requested
    .message = { $person } asks to pause job { $job }: { $reason }.

pause_approved =
    .title = Pause approved
    .message = Job { $job } is paused.

pause_denied =
    .title = Pause denied
    .message = The pause of job { $job } was denied: { $reason }

stalled_job_available =
    .title = Stalled job available
    .message = Job { $job } has been paused since { $date }. You may take it over.

takeover_requested =
    .title = Takeover requested
    .message = { $person } asks to take over { $job }.

takeover_approved =
    .title = Takeover approved
    .message = { $person } takes over { $job }.

takeover_denied =
    .title = Takeover denied
    .message = Your request to take over { $job } was denied.

takeover_bonus =
    .title = Takeover bonus
    .message = You get { points } for finishing { $job }.

quality_review_assigned =
    .title = Quality review assigned
    .message = Job { $job } awaits your review until { $date }.

quality_review_reassigned =
    .title = Review reassigned
    .message = { $person } reviews job { $job } from now on.

quality_approved =
    .title = Work approved
    .message = Job { $job } was approved with rating { $rating } of 5.

quality_rejection_pending =
    .title = Rejection to validate
    .message = { $person } rejected job { $job }: { $reason }

rejection_validated =
    .title = Rejection decided
    .message = The rejection of job { $job } was found { $is_valid ->
         [true] right
        *[false] wrong
    }.

sla_warning =
    .title = Review overdue
    .message = The review of job { $job } was due { $date }.

no_quality_engineer =
    .title = No quality engineer available
    .message = Job { $job } is complete, but no quality engineer is available to review it.

leave_requested =
    .title = Leave requested
    .message = { $half ->
         [am] { $person } asks for leave until 13:00 on { $from }.
         [pm] { $person } asks for leave from 13:00 on { $from }.
        *[none] { $person } asks for leave from { $from } to { $to }.
    }

leave_notification =
    .title = On leave
    .message = { $half ->
         [am] { $person } is on leave until 13:00 on { $from }.
         [pm] { $person } is on leave from 13:00 on { $from }.
        *[none] { $person } is on leave from { $from } to { $to }.
    }

leave_rejected =
    .title = Leave rejected
    .message = Your leave from { $from } to { $to } was rejected: { $reason }

coverage_assigned =
    .title = Coverage assigned
    .message = You cover for { $person } from { $from } to { $to }.

bonus_awarded =
    .title = Bonus stars
    .message = You get { bonus_stars }: { $reason }

bonus_request =
    .title = Bonus requested
    .message = { $person } asks for { bonus_stars } for { $recipient }: { $reason }

bonus_denied =
    .title = Bonus denied
    .message = The bonus for { $recipient } was denied.

password_changed =
    .title = Password changed
    .message = The password of your account was changed by { $person }. If you do not know the reason, report it to an administrator at once.

session_reused =
    .title = A session was ended
    .message = A used token of one of your sessions was sent again, so the session has ended. Sign in there again; if you do not know the reason, change your password.

sign_ins_delayed =
    .title = Wrong passwords for your account
    .message = Ten wrong passwords in a row were entered for your account. Further attempts must wait longer and longer, except from places where you have signed in before. If it was not you, tell an administrator.

## Phrases that the texts above are composed of.

submission = { $inspector } submitted the inspection of { $equipment }: { $result ->
         [fail] fail
        *[pass] pass
    }.

machines = { $count ->
    [one] { $count } machine
   *[other] { $count } machines
}

points = { $points ->
    [one] { $points } point
   *[other] { $points } points
}

bonus_stars = { $points ->
    [one] { $points } bonus star
   *[other] { $points } bonus stars
}

## Parameters of other texts.

# The subject of a takeover: an inspection rather than a repair job.
inspection_of = the inspection of { $equipment }
