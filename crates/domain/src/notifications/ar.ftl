### Titles and messages of notifications in Arabic, by notification type (rule book §12).
### The types, their priorities and which of them are persistent are declared in notifications.rs.

inspection_submitted =
    .title = تم تقديم فحص
    .message = { $again ->
         [none] { submission }
        *[other] { submission } تكرر رصده: { $again }
    }

inspection_assigned =
    .title = تم تكليفك بفحص
    .message = أنت مكلّف بفحص { $equipment } بتاريخ { $date } مع { $partner }.

inspections_assigned =
    .title = تم تكليفك بعمليات فحص
    .message = أنت مكلّف بفحص { machines } بتاريخ { $date } مع { $partner }.

inspection_unassigned =
    .title = تم سحب فحص منك
    .message = لم تعد مكلّفًا بفحص { $equipment } بتاريخ { $date }.

inspections_unassigned =
    .title = تم سحب عمليات فحص منك
    .message = لم تعد مكلّفًا بفحص { machines } بتاريخ { $date }.

assignments_freed =
    .title = غياب عن فرق الفحص
    .message = { $half ->
         [am] { $person } في إجازة حتى الساعة 13:00 بتاريخ { $from }.
         [pm] { $person } في إجازة من الساعة 13:00 بتاريخ { $from }.
        *[none] { $person } في إجازة من { $from } إلى { $to }.
    } بلا فريق: { machines }. فرق بدأت وتحتاج إلى عضو آخر: { $kept }.

inspection_rated =
    .title = تم تقييم الفحص
    .message = تم تقييم فحصك لـ { $equipment } بدرجة { $rating } من 5.

assessment_required =
    .title = مطلوب حكمك
    .message = اكتمل فحصا { $equipment }: هل المعدة صالحة للتشغيل أم الحالة عاجلة؟

equipment_stopped =
    .title = تم إيقاف معدة
    .message = تم إيقاف { $equipment } لدواعي السلامة: { $reason }

backlog_triggered =
    .title = فحص متأخر
    .message = تجاوز فحص { $equipment } المقرر بتاريخ { $date } موعده النهائي.

defect_created =
    .title = تم رصد عيب
    .message = { $equipment }: { $defect } (موعد الإصلاح { $date })

defect_found_again =
    .title = تكرر رصد عيب
    .message = تكرر الإخفاق في { $equipment }: { $defect } (موعد الإصلاح { $date })

defect_resolved =
    .title = تمت معالجة عيب
    .message = عالج { $person } عيبًا في { $equipment }: { $defect }

defect_rejected =
    .title = تم رفض عيب
    .message = لم يجد الأخصائي خللًا في { $equipment }: { $defect }

defect_dismissed =
    .title = إنذار كاذب
    .message = اعتبر { $person } العيب في { $equipment } إنذارًا كاذبًا، { $defect }: { $reason }

job_assigned =
    .title = تم تكليفك بمهمة
    .message = المهمة { $job } على { $equipment } من نصيبك. أدخل الوقت المخطط أولًا.

job_completed =
    .title = اكتملت مهمة
    .message = أكمل { $person } المهمة { $job }.

job_incomplete =
    .title = مهمة غير مكتملة
    .message = ترك { $person } المهمة { $job } غير مكتملة: { $reason }

job_cancelled =
    .title = أُلغيت مهمة
    .message = أُلغيت المهمة { $job }: { $reason }

job_reassigned =
    .title = أُعيد إسناد مهمة
    .message = أصبحت المهمة { $job } من نصيب { $person }.

job_on_behalf =
    .title = تم إجراء نيابةً عنك
    .message = قام { $person } نيابةً عنك { $action ->
         [plan] بإدخال الوقت المخطط للمهمة
         [start] ببدء المهمة
         [complete] بإكمال المهمة
        *[leave_incomplete] بترك المهمة غير مكتملة
    } { $job }: { $reason }

job_timer_corrected =
    .title = صُحّح مؤقّت مهمة
    .message = صحّح { $person } مؤقّت المهمة { $job }: { $reason }

job_running_long =
    .title = مهمة مستمرة منذ وقت طويل
    .message = المهمة { $job } مستمرة منذ { $date }، أي أكثر من 12 ساعة دون إيقاف مؤقت.

engineer_job_created =
    .title = تم إنشاء مهمة هندسية
    .message = المهمة { $job }: { $title }.

pause_requested =
    .title = طلب إيقاف مؤقت
    .message = يطلب { $person } إيقاف المهمة { $job } مؤقتًا: { $reason }.

pause_approved =
    .title = تمت الموافقة على الإيقاف المؤقت
    .message = المهمة { $job } متوقفة مؤقتًا.

pause_denied =
    .title = رُفض الإيقاف المؤقت
    .message = رُفض إيقاف المهمة { $job } مؤقتًا: { $reason }

stalled_job_available =
    .title = مهمة متعثرة متاحة
    .message = المهمة { $job } متوقفة منذ { $date }. يمكنك توليها.

takeover_requested =
    .title = طلب تولي مهمة
    .message = يطلب { $person } تولي { $job }.

takeover_approved =
    .title = تمت الموافقة على التولي
    .message = يتولى { $person } { $job }.

takeover_denied =
    .title = رُفض طلب التولي
    .message = رُفض طلبك لتولي { $job }.

takeover_bonus =
    .title = مكافأة التولي
    .message = حصلت على { points } لإنهاء { $job }.

quality_review_assigned =
    .title = تم تكليفك بمراجعة جودة
    .message = تنتظر المهمة { $job } مراجعتك حتى { $date }.

quality_review_reassigned =
    .title = أُعيد إسناد مراجعة
    .message = يراجع { $person } المهمة { $job } من الآن.

quality_approved =
    .title = تم اعتماد العمل
    .message = تم اعتماد المهمة { $job } بتقييم { $rating } من 5.

quality_rejection_pending =
    .title = رفض ينتظر التحقق
    .message = رفض { $person } المهمة { $job }: { $reason }

rejection_validated =
    .title = تم البت في الرفض
    .message = تبيّن أن رفض المهمة { $job } { $is_valid ->
         [true] صحيحًا
        *[false] خاطئًا
    }.

sla_warning =
    .title = مراجعة متأخرة
    .message = كان موعد مراجعة المهمة { $job } { $date }.

no_quality_engineer =
    .title = لا يوجد مهندس جودة متاح
    .message = اكتملت المهمة { $job } ولا يوجد مهندس جودة متاح لمراجعتها.

leave_requested =
    .title = طلب إجازة
    .message = { $half ->
         [am] يطلب { $person } إجازة حتى الساعة 13:00 بتاريخ { $from }.
         [pm] يطلب { $person } إجازة من الساعة 13:00 بتاريخ { $from }.
        *[none] يطلب { $person } إجازة من { $from } إلى { $to }.
    }

leave_notification =
    .title = في إجازة
    .message = { $half ->
         [am] { $person } في إجازة حتى الساعة 13:00 بتاريخ { $from }.
         [pm] { $person } في إجازة من الساعة 13:00 بتاريخ { $from }.
        *[none] { $person } في إجازة من { $from } إلى { $to }.
    }

leave_rejected =
    .title = رُفضت الإجازة
    .message = رُفضت إجازتك من { $from } إلى { $to }: { $reason }

coverage_assigned =
    .title = تم تكليفك بالتغطية
    .message = تغطي عن { $person } من { $from } إلى { $to }.

bonus_awarded =
    .title = نجوم مكافأة
    .message = حصلت على { bonus_stars }: { $reason }

bonus_request =
    .title = طلب مكافأة
    .message = يطلب { $person } { bonus_stars } لـ { $recipient }: { $reason }

bonus_denied =
    .title = رُفضت المكافأة
    .message = رُفضت مكافأة { $recipient }.

password_changed =
    .title = تغيرت كلمة المرور
    .message = غيّر { $person } كلمة مرور حسابك. إن كنت لا تعرف السبب فأبلغ مديرًا فورًا.

session_reused =
    .title = أُنهيت إحدى جلساتك
    .message = أُرسل مجددًا رمز مستخدم من قبل لإحدى جلساتك، فأُنهيت الجلسة. سجّل الدخول منها مرة أخرى، وإن كنت لا تعرف السبب فغيّر كلمة المرور.

sign_ins_delayed =
    .title = كلمات مرور خاطئة لحسابك
    .message = أُدخلت لحسابك عشر كلمات مرور خاطئة متتالية. على المحاولات التالية أن تنتظر مدة تطول كل مرة، إلا من الأماكن التي سجّلت الدخول منها من قبل. إن لم تكن أنت من أدخلها فأخبر مسؤول النظام.

## Phrases that the texts above are composed of. Arabic has six plural categories: 0, 1, 2,
## 3–10, 11–99, and 100–102 and fractions.

submission = قدّم { $inspector } فحص { $equipment }: { $result ->
         [fail] غير مطابق
        *[pass] مطابق
    }.

machines = { $count ->
    [zero] { $count } معدة
    [one] معدة واحدة
    [two] معدتين
    [few] { $count } معدات
    [many] { $count } معدة
   *[other] { $count } معدة
}

points = { $points ->
    [zero] { $points } نقطة
    [one] نقطة واحدة
    [two] نقطتين
    [few] { $points } نقاط
    [many] { $points } نقطة
   *[other] { $points } نقطة
}

bonus_stars = { $points ->
    [zero] { $points } نجمة مكافأة
    [one] نجمة مكافأة واحدة
    [two] نجمتي مكافأة
    [few] { $points } نجوم مكافأة
    [many] { $points } نجمة مكافأة
   *[other] { $points } نجمة مكافأة
}

## Parameters of other texts.

# The subject of a takeover: an inspection rather than a repair job.
inspection_of = فحص { $equipment }
