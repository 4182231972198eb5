//! The invented site: who works there, what stands there, what is asked about it. Nobody and nothing of it is
//! real.

use inspection_domain::{
    checklists::AnswerType,
    text::Language,
    time::Date,
    users::{
        Category::{self, Electrical, Mechanical},
        Role::{self, Admin, Engineer, Inspector, QualityEngineer, Specialist},
        Shift::{self, Day, Night},
    },
};
use serde_json::{Value, json};

/// What everybody's address ends with.
pub(in crate::cli) const DOMAIN: &str = "demo.example";

/// Signs everybody in.
pub(in crate::cli) const PASSWORD: &str = "harbour-demo-site";

/// Somebody; the e-mail address follows from role and place in the list.
pub(super) struct Person {
    pub(super) name: &'static str,
    pub(super) role: Role,
    pub(super) minor: Option<Role>,
    pub(super) trade: Option<Category>,
    pub(super) shift: Shift,
}

const fn person(name: &'static str, role: Role, trade: Option<Category>, shift: Shift) -> Person {
    Person { name, role, minor: None, trade, shift }
}

impl Person {
    const fn also(self, minor: Role) -> Self {
        Self { minor: Some(minor), ..self }
    }

    /// The account to make; the number is that in the role.
    pub(super) fn account(&self, number: usize) -> Value {
        json!({
            "email": format!("{}{number}@{DOMAIN}", self.role.as_str().replace('_', "-")),
            "password": PASSWORD,
            "full_name": self.name,
            "language": Language::of(self.name),
            "role": self.role,
            "minor_role": self.minor,
            "specialization": self.trade,
            "shift": self.shift,
        })
    }
}

pub(super) const PEOPLE: [Person; 20] = [
    person("Anna Example", Admin, None, Day),
    person("عمر مثال", Admin, None, Night),
    person("Ben Sample", Inspector, Some(Mechanical), Day),
    person("سارة نموذج", Inspector, Some(Mechanical), Day),
    person("Clara Placeholder", Inspector, Some(Electrical), Day),
    person("خالد تجربة", Inspector, Some(Electrical), Day),
    person("David Specimen", Inspector, Some(Mechanical), Night),
    person("ليلى مثال", Inspector, Some(Mechanical), Night),
    person("Eva Template", Inspector, Some(Electrical), Night),
    person("يوسف نموذج", Inspector, Some(Electrical), Night),
    person("Frank Example", Specialist, Some(Mechanical), Day),
    person("مريم تجربة", Specialist, Some(Mechanical), Night),
    person("Grace Sample", Specialist, Some(Electrical), Day).also(Inspector),
    person("حسن مثال", Specialist, Some(Electrical), Night),
    person("Henry Placeholder", Specialist, Some(Mechanical), Day),
    person("Iris Specimen", Engineer, Some(Mechanical), Day),
    person("نور نموذج", Engineer, Some(Electrical), Day),
    person("Jack Template", Engineer, None, Night),
    person("Kate Example", QualityEngineer, None, Day).also(Engineer),
    person("سامي تجربة", QualityEngineer, None, Night).also(Specialist),
];

/// Why a machine is stopped, in at least fifty characters.
pub(super) const STOPPED_FOR: (&str, &str) = (
    "The trolley brake slips under load and the machine can't be held in position.",
    "مكابح العربة تنزلق تحت الحمل ولا يمكن تثبيت الآلة في موضعها بأمان أثناء التشغيل.",
);

/// A question.
pub(super) struct Question {
    pub(super) text: &'static str,
    pub(super) text_ar: &'static str,
    pub(super) kind: AnswerType,
    pub(super) range: Option<(f64, f64)>,
    pub(super) trade: Option<Category>,
    pub(super) is_critical: bool,
}

const fn asked(
    kind: AnswerType,
    trade: Option<Category>,
    text: &'static str,
    text_ar: &'static str,
) -> Question {
    Question { text, text_ar, kind, range: None, trade, is_critical: false }
}

const fn check(trade: Category, text: &'static str, text_ar: &'static str) -> Question {
    asked(AnswerType::PassFail, Some(trade), text, text_ar)
}

const fn critical(trade: Category, text: &'static str, text_ar: &'static str) -> Question {
    Question { is_critical: true, ..check(trade, text, text_ar) }
}

const fn number(trade: Category, text: &'static str, text_ar: &'static str, range: (f64, f64)) -> Question {
    Question { range: Some(range), ..asked(AnswerType::Numeric, Some(trade), text, text_ar) }
}

/// Asked about everything, after the questions of the type.
pub(super) const COMMON: [Question; 3] = [
    critical(Electrical, "Emergency stop works?", "هل يعمل زر التوقف الطارئ؟"),
    asked(
        AnswerType::YesNo,
        None,
        "Fire extinguisher in place and in date?",
        "هل طفاية الحريق موجودة وصالحة؟",
    ),
    asked(AnswerType::Text, None, "Remarks", "ملاحظات"),
];

/// A type of machine: how many there are, and what is asked about them.
pub(super) struct Kind {
    pub(super) name: &'static str,
    pub(super) name_ar: &'static str,
    /// The letters its serial numbers begin with.
    pub(super) letters: &'static str,
    pub(super) count: usize,
    pub(super) maker: &'static str,
    pub(super) questions: [Question; 5],
}

impl Kind {
    /// The checklist to make.
    pub(super) fn checklist(&self) -> Value {
        let question = |question: &Question| {
            json!({
                "question_text": question.text,
                "question_text_ar": question.text_ar,
                "answer_type": question.kind,
                "category": question.trade,
                "is_required": question.kind != AnswerType::Text,
                "critical_failure": question.is_critical,
                "pass_fail_rule": question.range.map(|(min, max)| json!({"min": min, "max": max})),
            })
        };
        json!({
            "name": format!("{}: shift check", self.name),
            "name_ar": format!("{}: فحص الوردية", self.name_ar),
            "equipment_type": self.name,
            "items": self.questions.iter().chain(&COMMON).map(question).collect::<Vec<_>>(),
        })
    }

    /// The n-th machine to register.
    pub(super) fn machine(&self, n: usize, (place, place_ar): (&str, &str), installed: Date) -> Value {
        json!({
            "name": format!("{} {n}", self.name),
            "name_ar": format!("{} {n}", self.name_ar),
            "equipment_type": self.name,
            "equipment_type_ar": self.name_ar,
            "serial_number": format!("{}-{n:04}", self.letters),
            "location": place,
            "location_ar": place_ar,
            "berth": format!("B{}", 1 + n % 6),
            "manufacturer": self.maker,
            "model_number": format!("{}{}00", self.letters, 1 + n % 3),
            "installation_date": installed,
        })
    }
}

pub(super) const KINDS: [Kind; 6] = [
    Kind {
        name: "Quay crane",
        name_ar: "رافعة رصيف",
        letters: "QC",
        count: 8,
        maker: "Example Cranes",
        questions: [
            critical(
                Mechanical,
                "Hoist ropes free of broken wires?",
                "هل حبال الرفع خالية من الأسلاك المقطوعة؟",
            ),
            check(Mechanical, "Boom hinge pins greased?", "هل مسامير مفصل الذراع مشحمة؟"),
            number(
                Mechanical,
                "Gearbox oil temperature (°C)",
                "درجة حرارة زيت علبة التروس (°م)",
                (20.0, 85.0),
            ),
            number(Electrical, "Supply voltage (kV)", "جهد التغذية (ك.ف)", (6.0, 7.2)),
            check(Electrical, "Warning lights and horn work?", "هل تعمل أضواء التحذير والبوق؟"),
        ],
    },
    Kind {
        name: "Yard crane",
        name_ar: "رافعة ساحة",
        letters: "YC",
        count: 8,
        maker: "Example Cranes",
        questions: [
            critical(Mechanical, "Spreader twist locks engage?", "هل تتعشق أقفال الموزع؟"),
            number(Mechanical, "Tyre pressure (bar)", "ضغط الإطارات (بار)", (8.0, 10.5)),
            check(Mechanical, "No oil under the machine?", "هل المكان تحت الآلة خالٍ من الزيت؟"),
            check(Electrical, "Cable reel runs freely?", "هل تدور بكرة الكابل بحرية؟"),
            asked(
                AnswerType::YesNo,
                Some(Electrical),
                "Anti-collision sensors clean?",
                "هل حساسات منع التصادم نظيفة؟",
            ),
        ],
    },
    Kind {
        name: "Reach stacker",
        name_ar: "رافعة حاويات متنقلة",
        letters: "RS",
        count: 6,
        maker: "Sample Handling",
        questions: [
            critical(Mechanical, "Service brake holds on the ramp?", "هل تثبت الفرامل على المنحدر؟"),
            number(Mechanical, "Hydraulic pressure (bar)", "الضغط الهيدروليكي (بار)", (180.0, 240.0)),
            check(Mechanical, "Boom cylinder free of leaks?", "هل أسطوانة الذراع خالية من التسرب؟"),
            number(Electrical, "Battery voltage (V)", "جهد البطارية (ف)", (24.0, 28.8)),
            check(Electrical, "Reversing alarm works?", "هل يعمل إنذار الرجوع؟"),
        ],
    },
    Kind {
        name: "Forklift",
        name_ar: "رافعة شوكية",
        letters: "FL",
        count: 8,
        maker: "Sample Handling",
        questions: [
            critical(Mechanical, "Forks free of cracks?", "هل الشوكات خالية من الشقوق؟"),
            check(Mechanical, "Mast chains tight and oiled?", "هل سلاسل الصاري مشدودة ومزيتة؟"),
            number(Mechanical, "Tyre tread (mm)", "عمق مداس الإطارات (مم)", (4.0, 30.0)),
            check(Electrical, "Lights and beacon work?", "هل تعمل الأضواء والمنارة؟"),
            asked(
                AnswerType::YesNo,
                Some(Electrical),
                "Seat switch cuts the drive?",
                "هل يفصل مفتاح المقعد الحركة؟",
            ),
        ],
    },
    Kind {
        name: "Terminal tractor",
        name_ar: "جرار محطة",
        letters: "TT",
        count: 6,
        maker: "Demo Motors",
        questions: [
            critical(
                Mechanical,
                "Fifth wheel locks and stays locked?",
                "هل تقفل العجلة الخامسة وتبقى مقفلة؟",
            ),
            number(Mechanical, "Brake air pressure (bar)", "ضغط هواء الفرامل (بار)", (6.5, 9.0)),
            check(Mechanical, "Steering without play?", "هل التوجيه دون خلوص؟"),
            check(Electrical, "Trailer sockets sound?", "هل مقابس المقطورة سليمة؟"),
            number(Electrical, "Alternator output (V)", "خرج المولد (ف)", (26.0, 29.0)),
        ],
    },
    Kind {
        name: "Generator",
        name_ar: "مولد كهرباء",
        letters: "GE",
        count: 4,
        maker: "Demo Motors",
        questions: [
            critical(Electrical, "Earthing connected and tight?", "هل التأريض موصول ومشدود؟"),
            number(Electrical, "Output frequency (Hz)", "تردد الخرج (هرتز)", (49.5, 50.5)),
            number(Electrical, "Output voltage (V)", "جهد الخرج (ف)", (390.0, 410.0)),
            check(Mechanical, "Coolant level between the marks?", "هل مستوى سائل التبريد بين العلامتين؟"),
            check(Mechanical, "Exhaust free of leaks?", "هل العادم خالٍ من التسرب؟"),
        ],
    },
];

/// Where machines stand, in both languages.
pub(super) const PLACES: [(&str, &str); 5] = [
    ("North quay", "الرصيف الشمالي"),
    ("South quay", "الرصيف الجنوبي"),
    ("Container yard A", "ساحة الحاويات أ"),
    ("Container yard B", "ساحة الحاويات ب"),
    ("Workshop yard", "ساحة الورشة"),
];

/// What somebody remarks on a failed check: in English, in Arabic.
pub(super) const FINDINGS: [(&str, &str); 5] = [
    ("Found worn, needs replacement", "متآكل ويحتاج إلى استبدال"),
    ("Loose, tightened for now", "مرتخٍ، تم شدّه مؤقتًا"),
    ("Leak visible", "تسرب ظاهر"),
    ("Does not respond every time", "لا يستجيب في كل مرة"),
    ("Outside the limits, measured twice", "خارج الحدود، تم القياس مرتين"),
];

/// What was done about a defect: in English, in Arabic.
pub(super) const REPAIRS: [(&str, &str); 5] = [
    ("Replaced the part and tested under load", "تم استبدال القطعة واختبارها تحت الحمل"),
    ("Cleaned, adjusted and tested", "تم التنظيف والضبط والاختبار"),
    ("Renewed the seal, no leak after one hour", "تم تجديد مانع التسرب ولا تسرب بعد ساعة"),
    ("Rewired the connection and measured it", "تم تجديد التوصيل وقياسه"),
    ("Refilled and checked the level twice", "تمت التعبئة وفحص المستوى مرتين"),
];

/// General remarks at the end of a checklist: in English, in Arabic.
pub(super) const REMARKS: [(&str, &str); 3] = [
    ("Nothing unusual", "لا شيء غير عادي"),
    ("Clean and tidy", "نظيف ومرتب"),
    ("Due for washing", "يحتاج إلى غسيل"),
];
