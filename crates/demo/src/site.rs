//! The invented people, machines, checklists and texts of the demo site.

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

/// E-mail domain of all accounts.
pub const DOMAIN: &str = "demo.example";

/// Password of all accounts.
pub const PASSWORD: &str = "harbour-demo-site";

/// A person. The e-mail address follows from the role and the position among people of that role.
pub(crate) struct Person {
    pub(crate) name: &'static str,
    pub(crate) role: Role,
    pub(crate) minor: Option<Role>,
    pub(crate) trade: Option<Category>,
    pub(crate) shift: Shift,
}

const fn person(name: &'static str, role: Role, trade: Option<Category>, shift: Shift) -> Person {
    Person { name, role, minor: None, trade, shift }
}

impl Person {
    const fn also(self, minor: Role) -> Self {
        Self { minor: Some(minor), ..self }
    }

    /// The input for the account; `number` counts people of the same role.
    pub(crate) fn account(&self, number: usize) -> Value {
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

pub(crate) const PEOPLE: [Person; 20] = [
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

/// The reason of an urgent verdict, in English and Arabic; at least fifty characters.
pub(crate) const STOPPED_FOR: (&str, &str) = (
    "The trolley brake slips under load and the machine can't be held in position.",
    "مكابح العربة تنزلق تحت الحمل ولا يمكن تثبيت الآلة في موضعها بأمان أثناء التشغيل.",
);

/// A question of a checklist.
pub(crate) struct Question {
    pub(crate) text: &'static str,
    pub(crate) text_ar: &'static str,
    pub(crate) kind: AnswerType,
    pub(crate) range: Option<(f64, f64)>,
    pub(crate) trade: Option<Category>,
    pub(crate) is_critical: bool,
}

const fn question(
    kind: AnswerType,
    trade: Option<Category>,
    text: &'static str,
    text_ar: &'static str,
) -> Question {
    Question { text, text_ar, kind, range: None, trade, is_critical: false }
}

const fn check(trade: Category, text: &'static str, text_ar: &'static str) -> Question {
    question(AnswerType::PassFail, Some(trade), text, text_ar)
}

const fn critical(trade: Category, text: &'static str, text_ar: &'static str) -> Question {
    Question { is_critical: true, ..check(trade, text, text_ar) }
}

const fn number(trade: Category, text: &'static str, text_ar: &'static str, range: (f64, f64)) -> Question {
    Question { range: Some(range), ..question(AnswerType::Numeric, Some(trade), text, text_ar) }
}

/// Questions that follow those of every machine type.
pub(crate) const COMMON: [Question; 3] = [
    critical(Electrical, "Emergency stop works?", "هل يعمل زر التوقف الطارئ؟"),
    question(
        AnswerType::YesNo,
        None,
        "Fire extinguisher in place and in date?",
        "هل طفاية الحريق موجودة وصالحة؟",
    ),
    question(AnswerType::Text, None, "Remarks", "ملاحظات"),
];

/// A machine type, the number of its machines, and its questions.
pub(crate) struct MachineType {
    pub(crate) name: &'static str,
    pub(crate) name_ar: &'static str,
    /// Prefix of the serial numbers.
    pub(crate) letters: &'static str,
    pub(crate) count: usize,
    pub(crate) maker: &'static str,
    pub(crate) questions: [Question; 5],
}

impl MachineType {
    /// The input for the checklist.
    pub(crate) fn checklist(&self) -> Value {
        let item = |question: &Question| {
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
            "items": self.questions.iter().chain(&COMMON).map(item).collect::<Vec<_>>(),
        })
    }

    /// The input for the n-th machine.
    pub(crate) fn machine(&self, n: usize, (location, location_ar): (&str, &str), installed: Date) -> Value {
        json!({
            "name": format!("{} {n}", self.name),
            "name_ar": format!("{} {n}", self.name_ar),
            "equipment_type": self.name,
            "equipment_type_ar": self.name_ar,
            "serial_number": format!("{}-{n:04}", self.letters),
            "location": location,
            "location_ar": location_ar,
            "berth": format!("B{}", 1 + n % 6),
            "manufacturer": self.maker,
            "model_number": format!("{}{}00", self.letters, 1 + n % 3),
            "installation_date": installed,
        })
    }
}

pub(crate) const MACHINE_TYPES: [MachineType; 6] = [
    MachineType {
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
    MachineType {
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
            question(
                AnswerType::YesNo,
                Some(Electrical),
                "Anti-collision sensors clean?",
                "هل حساسات منع التصادم نظيفة؟",
            ),
        ],
    },
    MachineType {
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
    MachineType {
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
            question(
                AnswerType::YesNo,
                Some(Electrical),
                "Seat switch cuts the drive?",
                "هل يفصل مفتاح المقعد الحركة؟",
            ),
        ],
    },
    MachineType {
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
    MachineType {
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

/// Locations of machines, in English and Arabic.
pub(crate) const LOCATIONS: [(&str, &str); 5] = [
    ("North quay", "الرصيف الشمالي"),
    ("South quay", "الرصيف الجنوبي"),
    ("Container yard A", "ساحة الحاويات أ"),
    ("Container yard B", "ساحة الحاويات ب"),
    ("Workshop yard", "ساحة الورشة"),
];

/// Comments on failed checks, in English and Arabic.
pub(crate) const FINDINGS: [(&str, &str); 5] = [
    ("Found worn, needs replacement", "متآكل ويحتاج إلى استبدال"),
    ("Loose, tightened for now", "مرتخٍ، تم شدّه مؤقتًا"),
    ("Leak visible", "تسرب ظاهر"),
    ("Does not respond every time", "لا يستجيب في كل مرة"),
    ("Outside the limits, measured twice", "خارج الحدود، تم القياس مرتين"),
];

/// Notes on finished repairs, in English and Arabic.
pub(crate) const REPAIRS: [(&str, &str); 5] = [
    ("Replaced the part and tested under load", "تم استبدال القطعة واختبارها تحت الحمل"),
    ("Cleaned, adjusted and tested", "تم التنظيف والضبط والاختبار"),
    ("Renewed the seal, no leak after one hour", "تم تجديد مانع التسرب ولا تسرب بعد ساعة"),
    ("Rewired the connection and measured it", "تم تجديد التوصيل وقياسه"),
    ("Refilled and checked the level twice", "تمت التعبئة وفحص المستوى مرتين"),
];

/// General remarks at the end of a checklist, in English and Arabic.
pub(crate) const REMARKS: [(&str, &str); 3] = [
    ("Nothing unusual", "لا شيء غير عادي"),
    ("Clean and tidy", "نظيف ومرتب"),
    ("Due for washing", "يحتاج إلى غسيل"),
];
